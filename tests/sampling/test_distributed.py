"""What a cluster's workers find out, put together again."""

from pathlib import Path

from building import make_config
from sampled import make_folder, numbered

from overproof.engine import Engine
from overproof.journal import write_records
from overproof.judge.cases import Case
from overproof.judge.verdicts import Judgement
from overproof.sampling import outlook
from overproof.sampling.distributed import inventory_there


def test_what_the_judge_has_cost_is_counted_once_however_many_shards_there_are(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, numbered(30), shards=4)
    write_records(folder.judgements(), [Judgement(Case("q", "r", "a"), "judge", equal=True, tokens=102)])
    config = make_config(teacher={"model": "m", "base_url": "http://127.0.0.1:9/v1"}, sampling={"n": 2})
    there = inventory_there(Engine(1), config, folder, range(4)).outlook
    assert there.spent.tokens == 102
    assert there == outlook(config, folder, range(4))
