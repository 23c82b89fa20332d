"""The one error for people: a clear line that names the thing and the way out."""

from __future__ import annotations

from pathlib import Path

import click

_LONGEST_REASON = 400


class CircuitScalingError(click.ClickException):
    """Something the user can mend; the command line prints it as one line, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        """The same line in a notebook: IPython asks an error for this in place of a traceback."""
        return [f"Error: {self.message}"]


class IncompetentModelWarning(UserWarning):
    """A model was scanned on a task that it does not do."""


def cannot_write(target: Path, error: OSError) -> CircuitScalingError:
    """The error for people where the system refused to write ``target``."""
    return CircuitScalingError(
        f"Cannot write '{target}': {error.strerror or error}. Free space or change the "
        "permissions, or set another 'data_root' in conf/local/globals.yml; then run again."
    )


def reason_of(error: BaseException) -> str:
    """What a library complains about, as one line.

    The whole message and not its first line, which often only announces what follows; white space
    is folded, and what is too long for a line is cut.
    """
    message = " ".join(str(error).split()) or type(error).__name__
    return message if len(message) <= _LONGEST_REASON else f"{message[:_LONGEST_REASON]} …"
