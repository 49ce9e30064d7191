"""Training a student with TRL: rows that were checked, the loss on replies alone, and nothing cut in silence.

    method          what one way of training does otherwise than another
    supervised      the loss on each reply (`overproof sft`)
    preference      right replies against wrong ones (`overproof dpo`)
    arguments       the `train` table and this machine → TRL's own config
    training_rows   the dataset → tokens and labels; which rows are too long
    resuming        what lies in the output folder; whether a training may go on there
    inspection      what the loss covers and what packing mixes, looked at before the first step
    memory          how much memory a training needs, before there is a weight
    fit             will it fit into a GPU, and what would instead
    screen          what is going to be done, before the first step
    telling         how a training tells of itself
    saving          the trained student as any server loads it
    student_card    the model card

`python -m overproof.train CONFIG` is `overproof sft CONFIG` for `torchrun -m` and `accelerate launch -m`.
"""

from overproof.train.running import dpo, sft

__all__ = ["dpo", "sft"]
