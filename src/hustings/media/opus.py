"""Opus frames in and out, by ctypes on the libopus inside the PyAV wheel, else the system's.

PyAV itself can neither undo a loss (FEC) nor conceal one (PLC), and both are what the stage
lives by. Called by `media.encoders`, `stage.mix.voice`, the mix-minus of `stage.studio` and `listen`.
One object belongs to one stream and one thread. API: https://opus-codec.org/docs/opus_api-1.5/

Why PyDLL (the call keeps the GIL) and not CDLL: one call takes 30-200 µs. Releasing the GIL
means to ask for it back, and while another thread of the process computes (HTTP), that takes up
to the switch interval of 5 ms. Measured, 26 encodes in a row beside one busy thread: median
1.0 ms and at most 4 ms with PyDLL, 7.7 ms and at most 148 ms with CDLL; a tick lasts 20 ms.
"""

import ctypes
import ctypes.util
import functools
import importlib.util
import weakref
from pathlib import Path
from typing import Final, Literal

import numpy as np

from hustings.base.errors import OperatorError, PeerError
from hustings.media.pcm import Pcm
from hustings.wire.names import SAMPLE_RATE, TICK_SAMPLES

Application = Literal["audio", "voip"]

_APPLICATIONS: Final = {"voip": 2048, "audio": 2049}
_SET_BITRATE: Final = 4002
_SET_COMPLEXITY: Final = 4010
_SET_INBAND_FEC: Final = 4012
_SET_PACKET_LOSS_PERC: Final = 4014
_RESET_STATE: Final = 4028
_SET_PREDICTION_DISABLED: Final = 4042
_MAX_PACKET: Final = 1_500  # bytes; 20 ms at 510 kbit/s are 1,275
_MAX_SAMPLES: Final = 5_760  # 120 ms, the longest packet


def _path() -> str | None:
    """Where the library is: beside PyAV's package (Linux, macOS), else where the system has it."""
    spec = importlib.util.find_spec("av")
    if spec is not None and spec.origin is not None:
        package = Path(spec.origin).parent
        for pattern in ("../av.libs/libopus*", ".dylibs/libopus*", "../av.libs/opus*.dll"):
            for found in sorted(package.glob(pattern)):
                return str(found)
    return ctypes.util.find_library("opus")


@functools.cache
def _library() -> ctypes.PyDLL:
    path = _path()
    if path is None:
        raise OperatorError(
            "codec_missing",
            "No libopus found: install the wheel of PyAV (pip install av) or the package libopus0.",
        )
    lib = ctypes.PyDLL(path)
    pointer, integer, data = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p
    lib.opus_get_version_string.restype = ctypes.c_char_p
    lib.opus_strerror.argtypes, lib.opus_strerror.restype = [integer], ctypes.c_char_p
    lib.opus_encoder_create.argtypes = [ctypes.c_int32, integer, integer, pointer]
    lib.opus_encoder_create.restype = pointer
    lib.opus_encoder_destroy.argtypes, lib.opus_encoder_destroy.restype = [pointer], None
    # Variadic: only the fixed arguments are declared, so that ctypes calls it rightly on ARM too.
    lib.opus_encoder_ctl.argtypes = [pointer, integer]
    lib.opus_encode_float.argtypes = [pointer, pointer, integer, pointer, ctypes.c_int32]
    lib.opus_encode_float.restype = ctypes.c_int32
    lib.opus_decoder_create.argtypes = [ctypes.c_int32, integer, pointer]
    lib.opus_decoder_create.restype = pointer
    lib.opus_decoder_destroy.argtypes, lib.opus_decoder_destroy.restype = [pointer], None
    lib.opus_decode_float.argtypes = [pointer, data, ctypes.c_int32, pointer, integer, integer]
    return lib


def codec_version() -> str:
    """Which libopus this is, such as `libopus 1.6.1`."""
    version: bytes = _library().opus_get_version_string()
    return version.decode()


def _what(code: int) -> str:
    text: bytes = _library().opus_strerror(code)
    return text.decode()


class OpusEncoder:
    """Mono 48 kHz, 20 ms frames, variable bit rate.

    application: `voip` prefers SILK, which alone can carry FEC; `audio` also likes music.
    complexity: 0-10; from 7 on libopus analyses whether it hears speech or music.
    fec, loss_percent: repeat each frame, coarser, in the next; only worth its bits under loss.
    At 32 kbit/s and complexity 5 libopus 1.6 begins to repeat at 6 percent (measured).
    """

    def __init__(
        self,
        bitrate: int,
        *,
        application: Application = "audio",
        complexity: int = 9,
        fec: bool = False,
        loss_percent: int = 0,
    ) -> None:
        self._lib = _library()
        error = ctypes.c_int()
        self._state: int = self._lib.opus_encoder_create(
            SAMPLE_RATE, 1, _APPLICATIONS[application], ctypes.byref(error)
        )
        if error.value:
            raise ValueError(f"libopus makes no encoder: {_what(error.value)}")
        weakref.finalize(self, self._lib.opus_encoder_destroy, self._state)
        self._control(_SET_BITRATE, bitrate)
        self._control(_SET_COMPLEXITY, complexity)
        self._control(_SET_INBAND_FEC, int(fec))
        self._control(_SET_PACKET_LOSS_PERC, loss_percent)
        self._packet = ctypes.create_string_buffer(_MAX_PACKET)

    def encode(self, pcm: Pcm, *, independent: bool = False) -> bytes:
        """One packet of 960 samples.

        independent: the frame refers to none before it, so a decoder that played something
        else until now is right at once; costs a few bytes in CELT, an audible dip in SILK.
        """
        if pcm.shape != (TICK_SAMPLES,):
            raise ValueError(f"a tick is {TICK_SAMPLES} samples, not {pcm.shape}")
        pcm = np.ascontiguousarray(pcm, dtype=np.float32)
        if independent:
            self._control(_SET_PREDICTION_DISABLED, 1)
        size: int = self._lib.opus_encode_float(
            self._state, pcm.ctypes.data, TICK_SAMPLES, self._packet, _MAX_PACKET
        )
        if independent:
            self._control(_SET_PREDICTION_DISABLED, 0)
        if size < 0:
            raise ValueError(f"libopus does not encode this: {_what(size)}")
        return self._packet.raw[:size]

    def expect_loss(self, percent: int) -> None:
        """Tell the encoder how much of the line is lost, so that it spends the bits on FEC."""
        self._control(_SET_PACKET_LOSS_PERC, max(0, min(100, percent)))

    def reset(self) -> None:
        """Forget all that was heard; settings stay."""
        code = self._lib.opus_encoder_ctl(self._state, _RESET_STATE)
        if code:
            raise ValueError(f"libopus refuses to reset: {_what(code)}")

    def _control(self, request: int, value: int) -> None:
        code = self._lib.opus_encoder_ctl(self._state, request, ctypes.c_int32(value))
        if code:
            raise ValueError(f"libopus refuses setting {request} = {value}: {_what(code)}")


class OpusDecoder:
    """Any Opus stream to mono 48 kHz; stereo packets are mixed down by libopus."""

    def __init__(self) -> None:
        self._lib = _library()
        error = ctypes.c_int()
        self._state: int = self._lib.opus_decoder_create(SAMPLE_RATE, 1, ctypes.byref(error))
        if error.value:
            raise ValueError(f"libopus makes no decoder: {_what(error.value)}")
        weakref.finalize(self, self._lib.opus_decoder_destroy, self._state)
        self._pcm = np.empty(_MAX_SAMPLES, dtype=np.float32)

    def decode(self, packet: bytes) -> Pcm:
        """The sound of a packet, 120 to 5,760 samples.

        Raises PeerError("opus_packet") if it is damaged; the decoder stays usable.
        """
        if not packet:  # to libopus an empty packet means a lost one
            raise PeerError("opus_packet", "An empty packet is no Opus.")
        return self._decode(packet, _MAX_SAMPLES, fec=False)

    def recover(self, next_packet: bytes, samples: int = TICK_SAMPLES) -> Pcm:
        """The lost frame before `next_packet` from that packet's FEC; concealed if it has none.

        Then decode `next_packet` itself. samples: the length of the hole, a multiple of 120.
        """
        return self._decode(next_packet, samples, fec=True)

    def conceal(self, samples: int = TICK_SAMPLES) -> Pcm:
        """A guess at what a lost packet held (PLC); fades out by itself if repeated."""
        return self._decode(None, samples, fec=False)

    def _decode(self, packet: bytes | None, samples: int, *, fec: bool) -> Pcm:
        size = len(packet) if packet is not None else 0
        got: int = self._lib.opus_decode_float(
            self._state, packet, size, self._pcm.ctypes.data, samples, int(fec)
        )
        if got < 0:
            raise PeerError("opus_packet", f"This Opus packet cannot be decoded: {_what(got)}.")
        return self._pcm[:got].copy()
