"""Two speakers and a listener, each in a Chromium of their own, with coded fake microphones."""

import asyncio
from pathlib import Path

from tests.e2e.chromium import chromium, microphone, tapped
from tests.e2e.evening import delays, go_live, median, onsets, power, take_the_stage
from tests.support.house import House
from tests.support.signals import write_bursts

ADA_HZ, BEN_HZ = 700, 1_900


async def test_each_hears_the_other_never_themselves_and_a_third_hears_both(tmp_path: Path) -> None:
    ada_wav = write_bursts(tmp_path / "ada.wav", ADA_HZ, every_s=2.0)
    ben_wav = write_bursts(tmp_path / "ben.wav", BEN_HZ, every_s=2.0)
    with House(tmp_path / "house") as house:
        house.put("square", title="On the square", host="Ada", state="lobby")
        async with (
            chromium(microphone(ada_wav)) as adas,
            chromium(microphone(ben_wav)) as bens,
            chromium() as listeners,
        ):
            ada = await (await tapped(adas)).new_page()
            ben = await (await tapped(bens)).new_page()
            ear = await (await tapped(listeners)).new_page()
            await take_the_stage(ada, house, "square", "host", "Ada")
            await take_the_stage(ben, house, "square", "cohost", "Ben")
            await go_live(ada)
            await ear.goto(f"{house.edge}/r/square")
            await asyncio.sleep(14)

            for who, own, other in ((ada, ADA_HZ, BEN_HZ), (ben, BEN_HZ, ADA_HZ)):
                others = await power(who, "return", other)
                assert others > 1e-3
                assert await power(who, "return", own) < others / 100  # never oneself: below -20 dB
            assert await power(ear, "ear", ADA_HZ) > 1e-3
            assert await power(ear, "ear", BEN_HZ) > 1e-3

            said = await onsets(ada, "mic", ADA_HZ)
            to_ben = delays(said, await onsets(ben, "return", ADA_HZ), most_ms=1_900)
            to_ear = delays(said, await onsets(ear, "ear", ADA_HZ), most_ms=1_900)
            print(
                f"speaker to speaker {median(to_ben):.0f} ms, mouth to ear {median(to_ear):.0f} ms"
            )
            assert median(to_ben) < median(to_ear)
            light = await ada.locator("#light").get_attribute("data-heard")
            assert light in {"yes", "no"}
            badges = await ear.locator(".badge").first.inner_text()
            assert "Live" in badges
