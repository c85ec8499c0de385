"""What every test may rely on."""

import signal

# Who is started in the background inherits an ignored SIGINT, and so would all that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
