"""A timeline as one page that can be read, kept and sent: no script, nothing loaded."""

from __future__ import annotations

from html import escape

from hazina.timeline.moment import NOT_KEPT, Moment, Timeline
from hazina.timeline.service import as_json

_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;color:#1c2430;background:#f6f7f9;margin:0;
padding:clamp(.8rem,4vw,2rem)}
main{max-width:60rem;margin:auto}h1{font-size:1.3rem;margin:0}p{color:#5a6472}
ol{list-style:none;margin:1.5rem 0;padding:0;border-left:2px solid #cfd6df}
li{position:relative;margin:0 0 .9rem;padding:.6rem .9rem;margin-left:1.4rem;background:#fff;
border:1px solid #e3e7ec;border-radius:8px}
li::before{content:"";position:absolute;left:-1.9rem;top:1rem;width:.7rem;height:.7rem;
border-radius:50%;background:var(--dot,#8793a3)}
time{color:#5a6472;font:12px ui-monospace,monospace}.kind{font-weight:600;text-transform:uppercase;
font-size:11px;letter-spacing:.05em;color:var(--dot,#5a6472);margin:0 .6rem}
.door{font-size:12px;background:#eef1f5;border-radius:4px;padding:.1rem .4rem}
.text{margin:.2rem 0 0;overflow-wrap:anywhere}
code,dl{font:12px ui-monospace,monospace;color:#46505e}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem .8rem;margin:.4rem 0 0}
dt{color:#5a6472}dd{margin:0;overflow-wrap:anywhere}
.lease{--dot:#b42318}.call{--dot:#6941c6}.outcome{--dot:#3538cd}
.key{--dot:#7a5af8}.attempt{--dot:#1570ef}.command{--dot:#b54708}.callback{--dot:#c11574}
.event{--dot:#067647}.entry{--dot:#344054}.line{--dot:#667085}.webhook{--dot:#0e7090}
"""


def page(timeline: Timeline) -> str:
    """Return the page of a timeline."""
    shown = as_json(timeline)["moments"]
    items = "".join(
        _item(moment, plain) for moment, plain in zip(timeline.moments, shown, strict=True)
    )
    title = f"{escape(timeline.id)}: {escape(timeline.status)}"
    return (
        "<!doctype html><html lang=en><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width,initial-scale=1'>"
        f"<title>{title}</title><style>{_STYLE}</style><main><h1>{title}</h1>"
        f"<p>{escape(timeline.merchant_id)}, times in UTC, read only.</p>"
        f"<ol>{items}</ol><p>{escape(NOT_KEPT)}</p></main></html>"
    )


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {one}" for name, one in value.items())
    return str(value)


def _item(moment: Moment, plain: dict[str, object]) -> str:
    kind = moment.kind.name.lower()
    details = plain["details"]
    assert isinstance(details, dict)
    known = "".join(
        f"<dt>{escape(str(name))}</dt><dd>{escape(_shown(value))}</dd>"
        for name, value in details.items()
        if value not in (None, {}, "")
    )
    door = f"<span class=door>{escape(moment.came)}</span>" if moment.door else ""
    return (
        f"<li class={kind}><time>{escape(str(plain['at']))}</time>"
        f"<span class=kind>{kind}</span>{door}"
        f"<p class=text>{escape(moment.text)}</p><dl><dt>id</dt><dd>{escape(moment.id)}</dd>"
        f"{known}</dl></li>"
    )
