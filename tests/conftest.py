import signal

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it, and its children with it
