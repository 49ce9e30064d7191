"""Would this student learn what this dataset says? Only this package renders rows as a student will see them.

    conversation   row → prompt and reply
    template       tokenizer and chat template → the text of a row, and where its loss begins
    structure      is that text, token by token, what the row says?
    matrix         which way of training a student keeps which export format

Chat templates drop, insert and delete reasoning without a word, a wrong end token makes a model that never stops, and
a short `max_length` cuts answers off. `check_student` renders rows with the student's own tokenizer and template,
compares each with what it says, and names what is at fault and what to set. Nothing is downloaded for a student that
is a folder, and no weight is loaded.
"""

from overproof.student.check import StudentCheck, check_student, describe_check, describe_matrix, examine, name_datasets

__all__ = ["StudentCheck", "check_student", "describe_check", "describe_matrix", "examine", "name_datasets"]
