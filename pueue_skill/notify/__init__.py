"""Messages for people: states of queues and batches in, notifications composed and delivered by apprise out.

It knows no agent; a notification stays pending until its receiver has accepted it.
"""
