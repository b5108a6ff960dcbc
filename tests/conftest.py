# a job in a shell's background ignores it, and so do its children
import signal

signal.signal(signal.SIGINT, signal.default_int_handler)
