"""A finished dataset folder → a dataset repository on the Hub; the only module that uploads.

The address comes from HF_ENDPOINT and the token from HF_TOKEN (or from `hf auth login`), as huggingface_hub reads them.
"""

from __future__ import annotations

from pathlib import Path

from overproof.errors import EndpointError, InputError

_FILES = ["README.md", "jsonl/README.md", "jsonl/*-?????.jsonl", "parquet/*-?????.parquet"]
"""What an export has written, and nothing that lies beside it."""


def push(dataset: Path, repository: str, *, private: bool = True) -> str:
    """Upload an exported dataset in one commit, in place of what an earlier upload left; returns where it lies.

    `repository` is `owner/name`; it is made when it does not exist. The datasets of named selections that lie below
    the folder are left out. Raises InputError for a folder that no export finished and EndpointError when the Hub
    refuses or cannot be reached.
    """
    import httpx2
    import huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError

    if not (dataset / "README.md").is_file():
        raise InputError(f"{dataset} holds no finished dataset (no README.md): export first")
    hub = huggingface_hub.HfApi()
    try:
        hub.create_repo(repository, repo_type="dataset", private=private, exist_ok=True)
        commit = hub.upload_folder(
            repo_id=repository,
            repo_type="dataset",
            folder_path=dataset,
            allow_patterns=_FILES,
            delete_patterns=_FILES[1:],
            commit_message="Upload a dataset made with overproof",
        )
    except HFValidationError as error:
        raise InputError(f"'{repository}' cannot name a repository: {error}") from None
    except (HfHubHTTPError, LocalTokenNotFoundError) as error:
        raise EndpointError(f"the Hub refused {repository}: {error}\nSet HF_TOKEN to a token that may write") from None
    except httpx2.HTTPError as error:
        raise EndpointError(f"the Hub at {hub.endpoint} cannot be reached: {error!r}") from None
    return str(commit.repo_url)
