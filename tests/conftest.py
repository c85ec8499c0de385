"""What every test may rely on."""

import os
import signal

# Who is started in the background inherits an ignored SIGINT, and so would all that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Where this is set, what forgets to flush its output works all the same; on most machines it isn't.
os.environ.pop("PYTHONUNBUFFERED", None)
