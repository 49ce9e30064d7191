"""The embedded teacher: procedural problems, the tiny model trained on them, and its local OpenAI-compatible server.

    dice → families (drafts) → problems          what is asked, and its reference
                             → corpus            how it is solved, with natural flaws: what the model learns from
    train → export → data/tiny-teacher, data/tiny-student
    model → engine → api → server                the trained model as an endpoint on loopback

`problems.procedural_problems`, `server.serve` and `export.export_onnx` are what the pipeline calls.
"""
