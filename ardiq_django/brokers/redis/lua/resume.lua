-- Hand out again.

call('DEL', PAUSED)
ring()
