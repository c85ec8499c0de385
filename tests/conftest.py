"""What every test may rely on."""

import os
import signal

# Who is started in the background inherits ignored signals, and so would all that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
# Where this is set, what forgets to flush its output works all the same; on most machines it isn't.
os.environ.pop("PYTHONUNBUFFERED", None)
# A make below another says which folder it enters; what a test types is typed in a shell.
for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
    os.environ.pop(name, None)
