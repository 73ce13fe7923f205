"""Speaks a tone by WHIP as GStreamer's webrtcbin does, with a picture beside it; for the system's Python.

    python3 whip_gstreamer.py URL TOKEN

Until SIGTERM; ends with 0 when it has hung up by DELETE. Without arguments: 0 if the machine has all it needs. Prints the offer and the answer to stderr.
"""

import signal
import sys
import threading
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

PIPELINE = """
webrtcbin name=bin bundle-policy=max-bundle
audiotestsrc is-live=true freq=1000 ! audio/x-raw,rate=48000,channels=2 ! opusenc
  ! rtpopuspay ! application/x-rtp,media=audio,encoding-name=OPUS,payload=97 ! bin.
videotestsrc is-live=true ! video/x-raw,width=160,height=120,framerate=5/1 ! vp8enc deadline=1
  ! rtpvp8pay ! application/x-rtp,media=video,encoding-name=VP8,payload=96 ! bin.
"""


def ask(method, url, token, body=b"", kind="application/sdp"):
    headers = {"Authorization": f"Bearer {token}", "Content-Type": kind}
    request = urllib.request.Request(url, body or None, headers, method=method)
    return urllib.request.urlopen(request, timeout=8)


def main(url, token):
    Gst.init(None)
    loop = GLib.MainLoop()
    pipeline = Gst.parse_launch(PIPELINE)
    webrtc = pipeline.get_by_name("bin")
    agent = webrtc.get_property("ice-agent")  # held: PyGObject would free it under the bin
    agent.emit("add-local-ip-address", "127.0.0.1")  # libnice leaves loopback out by itself
    resource = []

    def offered(promise):
        reply = promise.get_reply()  # owns the offer
        offer = reply.get_value("offer")
        webrtc.emit("set-local-description", offer, None)
        threading.Thread(target=exchange, args=(offer.sdp.as_text(),)).start()

    def exchange(offer):
        sys.stderr.write(offer)
        answer = ask("POST", url, token, offer.encode())
        resource.append(urllib.request.urljoin(url, answer.headers["Location"]))
        text = answer.read().decode()
        sys.stderr.write(text)
        _, message = GstSdp.SDPMessage.new_from_text(text)
        kind = GstWebRTC.WebRTCSDPType.ANSWER
        described = GstWebRTC.WebRTCSessionDescription.new(kind, message)
        webrtc.emit("set-remote-description", described, None)

    def negotiate(_):  # once: a refused picture makes it ask again
        webrtc.disconnect(asked)
        webrtc.emit(
            "create-offer", None, Gst.Promise.new_with_change_func(lambda p, *_: offered(p))
        )

    asked = webrtc.connect("on-negotiation-needed", negotiate)
    GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGTERM, loop.quit)
    pipeline.set_state(Gst.State.PLAYING)
    loop.run()
    ask("DELETE", resource[0], token)
    pipeline.set_state(Gst.State.NULL)


def is_complete():
    Gst.init(None)
    wanted = ("webrtcbin", "nicesrc", "dtlsenc", "opusenc", "rtpopuspay", "vp8enc", "rtpvp8pay")
    return all(Gst.ElementFactory.find(name) for name in wanted)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        sys.exit(not is_complete())
    main(sys.argv[1], sys.argv[2])
