"""Starting the system and staying up: `hazina serve`, and `hazina demo` with its story."""

from __future__ import annotations

import asyncio
import signal

from rich.console import Console

from hazina.cli import accounts, books
from hazina.cli.place import NotPossible, SystemOptions, only_one
from hazina.cli.story import Story
from hazina.cli.system import Running, System
from hazina.clock import Clock, SystemClock
from hazina.ids import SystemIds

_LOOK_AFTER_CHILDREN_MS = 500


async def serve(options: SystemOptions) -> int:
    """Start everything and stay until SIGINT or SIGTERM; return the exit code."""
    return await _run(options, story=False, stay_up=True)


async def demo(options: SystemOptions, stay_up: bool) -> int:
    """Start everything, play the story, and stay if asked to.

    The exit code is 0 only if every step came out as told and the invariants hold.
    """
    return await _run(options, story=True, stay_up=stay_up)


async def _run(options: SystemOptions, *, story: bool, stay_up: bool) -> int:
    console = Console(highlight=False)
    clock = SystemClock()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    main = asyncio.current_task()
    assert main is not None, "this runs in a task"

    def asked_to_end() -> None:
        if stop.is_set() or not ready:
            main.cancel()  # Whoever asks while it starts, or asks twice, does not want to wait.
        stop.set()

    ready = False
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked_to_end)
    system = System(options, clock, SystemIds())
    async with only_one(options.var, clock):
        try:
            with console.status("Starting PostgreSQL, the test provider and the API ..."):
                running = await system.start()
            ready = True
            return await _stay(
                console, clock, system, running, stop, options, story=story, stay_up=stay_up
            )
        except asyncio.CancelledError:
            return 130
        finally:
            with console.status("Ending ..."):
                system.stop()


async def _stay(
    console: Console,
    clock: Clock,
    system: System,
    running: Running,
    stop: asyncio.Event,
    options: SystemOptions,
    *,
    story: bool,
    stay_up: bool,
) -> int:
    code = 0
    if story:
        async with Story(running, clock, console) as told:
            playing = asyncio.create_task(told.play())
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({playing, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if not playing.done():
                playing.cancel()
                await asyncio.gather(playing, stopping, return_exceptions=True)
                return 130
            came_out = playing.result()
            balanced = await accounts.show_trial_balance(running.database_url, console)
            verified = await books.show_verification(running.database_url, console=console)
            code = 0 if came_out and balanced == 0 and verified == 0 else 1
    _show_where(console, running, options, stay_up)
    if stay_up:
        await _until_stopped(clock, system, stop)
        code = 0
    return code


async def _until_stopped(clock: Clock, system: System, stop: asyncio.Event) -> None:
    while not stop.is_set():
        system.require_alive()
        try:
            async with asyncio.timeout(_LOOK_AFTER_CHILDREN_MS / 1000):
                await stop.wait()
        except TimeoutError:
            continue


def _show_where(console: Console, running: Running, options: SystemOptions, stay_up: bool) -> None:
    secrets = running.secrets
    console.print()
    console.print(f"[bold]API[/]          {running.url}/v1")
    console.print(f"[bold]Reference[/]    {running.url}/docs")
    console.print(f"[bold]Secret key[/]   {secrets.secret_key}", soft_wrap=True)
    if stay_up:
        console.print(f"[bold]Also in[/]      {options.var / 'demo.env'}, as long as it runs")
    console.print("[bold]Try[/]")
    console.print(
        f"  curl {running.url}/v1/payment_intents -u {secrets.secret_key}: \\\n"
        "    -d amount=250000 -d currency=kes -d confirm=true \\\n"
        "    -d payment_method=pm_card_visa -d 'payment_method_types[]=card'",
        soft_wrap=True,
    )
    if stay_up:
        console.print("\nReady. Ctrl-C ends it; what was paid stays.")


__all__ = ["NotPossible", "demo", "serve"]
