# SPDX-License-Identifier: GPL-2.0
"""The subcommands of tools/tcpx and what they share."""
import importlib

COMMANDS = ("ss", "stat")
PROC_NET = "/proc/net"


class Failure(Exception):
    """Ends the command with this message and status 1."""


def load():
    for name in COMMANDS:
        yield name, importlib.import_module(f"{__name__}.{name}")


def proc_lines(name):
    """The lines of a /proc/net file of the module."""
    path = f"{PROC_NET}/{name}"
    try:
        with open(path, encoding="ascii") as file:
            return file.read().splitlines()
    except FileNotFoundError:
        raise Failure(f"{path} is not there: the tcpx module is not loaded "
                      "(insmod tcpx.ko, or modprobe tcpx)") from None
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}") from None
