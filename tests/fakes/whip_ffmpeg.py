"""Speaks a tone by WHIP as ffmpeg 8 does: by libavformat's `whip` muxer, which PyAV's wheel brings.

    python whip_ffmpeg.py URL TOKEN CERTIFICATE KEY

Until SIGTERM; then it hangs up.
Built with GnuTLS it would sign with P-224, which OpenSSL refuses; a certificate of ours helps.
"""

import signal
import sys
import time
from itertools import count

import av
import numpy as np

SECOND = 48_000


def main(url: str, token: str, certificate: str, key: str) -> None:
    """Stereo, as the muxer demands."""
    ended: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: ended.append(number))
    options = {"authorization": token, "cert_file": certificate, "key_file": key}
    container = av.open(url, "w", format="whip", options=options)
    stream = container.add_stream("libopus", rate=SECOND)
    stream.layout = "stereo"
    container.start_encoding()
    began_s = time.monotonic()
    for number in count():
        if ended:
            break
        at = (np.arange(960) + number * 960) / SECOND
        mono = (0.3 * np.sin(2 * np.pi * 1_000 * at) * 32_767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(np.repeat(mono, 2).reshape(1, -1), "s16", "stereo")
        frame.sample_rate, frame.pts = SECOND, number * 960
        for packet in stream.encode(frame):
            container.mux(packet)
        time.sleep(max(0.0, began_s + number / 50 - time.monotonic()))
    container.close()


if __name__ == "__main__":
    main(*sys.argv[1:5])
