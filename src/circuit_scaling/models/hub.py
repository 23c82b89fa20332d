"""What a hub and its cache say of a model, without a download: is it there, its size and commit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from circuit_scaling.commands import run_command
from circuit_scaling.errors import CircuitScalingError, reason_of
from circuit_scaling.models.roster import RosterEntry

# huggingface_hub is imported inside the functions: rosters without hub models do without it.

_SAFE = ("model.safetensors", "model.safetensors.index.json")
_PICKLED = ("pytorch_model.bin", "pytorch_model.bin.index.json")
_READ = (".safetensors", ".json", ".txt", ".model")
_SECONDS = 5
_LOADING_SECONDS = 10
_COPY = "Connect this machine, or copy the checkpoint here and give it as 'folder'"
_OFFLINE = (
    "it is not in the cache, and HF_HUB_OFFLINE is set. Unset it, or copy the checkpoint here and "
    "give it as 'folder'"
)


@dataclass(frozen=True)
class Answer:
    """What the hub said of a repository.

    Attributes:
        fault: why the model cannot be had, in words; empty where it can.
        size: bytes to download; None where that is not known.
    """

    fault: str = ""
    size: int | None = None


def cached_folder(entry: RosterEntry) -> Path | None:
    """The folder of the cache that holds the whole of a hub model; None where a file is missing."""
    from huggingface_hub import try_to_load_from_cache

    assert entry.hub is not None
    found = try_to_load_from_cache(
        entry.hub, entry.gguf or "config.json", revision=entry.revision or "main"
    )
    if not isinstance(found, str):
        return None
    folder = Path(found).parent
    kinds = (_SAFE, _PICKLED) if entry.pickled else (_SAFE,)
    there = entry.gguf is not None or any(_is_whole(folder, *names) for names in kinds)
    return folder if there else None


def _is_whole(folder: Path, one: str, index: str) -> bool:
    """Whether the weights are there, in one file or in all the parts that an index lists."""
    if (folder / one).is_file():
        return True
    try:
        parts = set(json.loads((folder / index).read_text())["weight_map"].values())
    except (OSError, ValueError, LookupError, AttributeError):
        return False
    return all((folder / str(part)).is_file() for part in parts)


def cache_root() -> Path:
    """The folder that downloads go to."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def present_commit(entry: RosterEntry) -> str:
    """The commit that a hub entry's revision stands for now, on the hub or in its cache.

    Empty for a folder, and where neither knows the repository: loading says that better.

    Raises:
        CircuitScalingError: the hub is silent, for which loading would wait for ever.
    """
    from huggingface_hub import ResolvedRevision
    from transformers.utils.hub import resolve_revision

    if entry.at_commit:
        return str(entry.revision)
    silent = not _hub_answers(entry)
    for cache_only in dict.fromkeys((silent, True)):
        found = resolve_revision(entry.hub, entry.revision, local_files_only=cache_only)
        if isinstance(found, ResolvedRevision):
            return str(found.resolved)
    if silent:
        raise CircuitScalingError(
            f"Model '{entry.slug}' cannot be loaded from '{entry.source}': the hub has not "
            f"answered for {_LOADING_SECONDS} seconds, and nothing of the model is in its cache. "
            f"Try again: {run_command(options=['--resume'])}"
        )
    return ""


def _hub_answers(entry: RosterEntry) -> bool:
    """Whether the hub says anything in time; asked for a revision it may be waited for for ever."""
    from httpx2 import TimeoutException
    from huggingface_hub import HfApi

    try:
        HfApi().model_info(str(entry.hub), revision=entry.revision, timeout=_LOADING_SECONDS)
    except TimeoutException:
        return False
    except Exception:  # whatever it says, loading says better
        return True
    return True


class Hub:
    """Asks a hub about models; one that does not answer is not asked again."""

    def __init__(self) -> None:
        self._silent = False

    def ask(self, entry: RosterEntry) -> Answer:
        """Whether the model can be downloaded, and how much that would be."""
        from huggingface_hub import HfApi, constants, get_token
        from huggingface_hub.errors import HfHubHTTPError

        if constants.HF_HUB_OFFLINE:
            return Answer(_OFFLINE)
        repository, token = str(entry.hub), get_token()
        if not self._silent:
            api = HfApi()
            try:
                info = api.model_info(
                    repository, revision=entry.revision, timeout=_SECONDS, files_metadata=True
                )
                if info.gated:
                    api.auth_check(repository)
            except HfHubHTTPError as error:
                return Answer(_refusal(entry, error, bool(token)))
            except Exception:  # no network, no name server, a proxy: nobody answers
                self._silent = True
            else:
                files = {file.rfilename: file.size or 0 for file in info.siblings or ()}
                return Answer(size=_download(entry, files))
        no_token = "" if token else "; nor is there a token, which gated models need"
        return Answer(f"it is not in the cache, and the hub is not reachable{no_token}. {_COPY}")


def _refusal(entry: RosterEntry, error: Exception, token: bool) -> str:
    """Why the hub does not give a model, in words."""
    from huggingface_hub.errors import (
        GatedRepoError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if isinstance(error, GatedRepoError):  # a kind of repository that is not found
        return _gated(str(entry.hub), token)
    if isinstance(error, RevisionNotFoundError):
        return f"the hub has no revision '{entry.revision}' of it. Correct 'revision'"
    if isinstance(error, RepositoryNotFoundError):
        way_out = "" if token else ", or log in: hf auth login"
        return f"the hub has none of that name for this account. Correct 'hub'{way_out}"
    return f"the hub refuses it ({reason_of(error)}). Try again later"


def _gated(repository: str, token: bool) -> str:
    accept = f"Accept its terms at https://huggingface.co/{repository}"
    if token:
        return f"it is gated, and this account has no access yet. {accept}"
    return f"it is gated, and there is no token. {accept}, and log in: hf auth login"


def _download(entry: RosterEntry, sizes: dict[str, int]) -> int:
    """Bytes of the files that loading reads; weights that are there twice are taken once."""
    if entry.gguf:
        return sizes.get(entry.gguf, 0)
    endings = _READ if any(name in sizes for name in _SAFE) else (*_READ, ".bin")
    return sum(size for name, size in sizes.items() if "/" not in name and name.endswith(endings))
