"""The overproof command as a process of its own, for tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def overproof(
    *arguments: str, folder: Path, encoding: str = "utf-8", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command in `folder`, without any key of this machine."""
    search = {"PYTHONPATH": str(ROOT / "src"), "LC_ALL": "C.UTF-8"}
    search |= {"TEACHER_API_KEY": "", "DASHSCOPE_API_KEY": "", "DEEPSEEK_API_KEY": ""}
    return subprocess.run(
        [sys.executable, "-m", "overproof", *arguments],
        cwd=folder,
        env=os.environ | search | environment,
        capture_output=True,
        text=True,
        encoding=encoding,
        errors="replace",
        timeout=120,
        check=False,
    )
