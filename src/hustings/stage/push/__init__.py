"""The program sent on to other platforms (RTMP), each by a process of its own: plan C."""
