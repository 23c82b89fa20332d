"""The one error for people: a clear line that names the thing and the way out."""

from __future__ import annotations

import click


class CircuitScalingError(click.ClickException):
    """Something the user can mend; the command line prints it as one line, without a traceback."""
