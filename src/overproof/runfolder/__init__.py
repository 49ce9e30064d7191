"""The only package that knows a run's file names.

    config.yaml                     resolved config, versions, shard count, each stage's input fingerprints
    imported.jsonl                  problems of an imported trace set, as a problem file
    problems/<shard>.jsonl          prepared problems, one file a shard: what an engine needs lies together
    problems/skipped.jsonl          rows of the source that were left out, each with why
    traces/<shard>-<part>.jsonl     PAID FOR; part 0 grows where one process has the run to itself, later ones never
    judgements/<part>.jsonl         PAID FOR: what the judge said; judgements/summary.json sums it up
    overrides.jsonl                 what people have decided about references and verdicts
    scores/<shard>.jsonl            derived
    decisions/<shard>.jsonl         derived; decisions/<name>/<shard>.jsonl for a named selection
    dataset/                        train and validation, dataset card; dataset/<name>/ for a named selection
    student/                        the student trained on the dataset
    evaluation/                     a run of its own: the student's answers to the problems it is evaluated on
    doctor.json                     what overproof doctor's calls came to, for the next dry run
    report.html report.json
    .lock .lease/ .mark             who has the run now, here and on shared storage; what a driver proves itself by

Folders of derived files (problems, scores, decisions, dataset) are closed by a SHA256SUMS, which their readers go by.
Problems lie by shard and not in one file, so that a worker reads its own shard and nothing else.

A run folder is a path, or an fsspec URL such as s3://bucket/run. Then all paths are those of a copy on this machine:
the `read_` methods fetch what they read, whoever reads paths himself calls `fetch` first, and whoever has written
calls `push`. For a path both do nothing.
"""

from overproof.runfolder.folder import RunFolder, config_here, find_run
from overproof.runfolder.manifest import DamagedManifestError, Manifest
from overproof.runfolder.shards import TRACES_PER_SHARD, count_shards, shard_number, shard_of

__all__ = [
    "TRACES_PER_SHARD",
    "DamagedManifestError",
    "Manifest",
    "RunFolder",
    "config_here",
    "count_shards",
    "find_run",
    "shard_number",
    "shard_of",
]
