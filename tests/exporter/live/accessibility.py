"""Checks of a page: by axe-core, of the contrast of texts, and of parts that are wider than the screen."""

from pathlib import Path

from tests.exporter.live.browser import Tab
from tests.npm import node_modules

RULES = """{
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  resultTypes: ['violations'],
}"""


def axe_source(npm: Path) -> str:
    """Return the source of axe-core, which npm fetches once as the lock file says."""
    return (node_modules(npm, Path(__file__).with_name("axe")) / "axe-core" / "axe.min.js").read_text()


async def violations(tab: Tab, axe: str) -> list[str]:
    """Return what axe-core finds by the rules of WCAG 2.2 AA and of good practice. `axe` is its source."""
    if not await tab.evaluate("'axe' in window"):
        await tab.evaluate(axe)
    results: list[str] = await tab.evaluate(
        f"""axe.run({RULES}).then(({{ violations }}) => violations.map(
          ({{ id, nodes }}) => `${{id}}: ${{nodes.map((node) => node.html + ' ' + node.failureSummary).join('; ')}}`))"""
    )
    return results


async def overflowing(tab: Tab) -> list[str]:
    """Return the elements that reach beyond the right edge of the screen and are in no part that scrolls."""
    results: list[str] = await tab.evaluate(
        """[...document.body.querySelectorAll('*')].filter((e) => e.checkVisibility()
          && e.getBoundingClientRect().right > document.documentElement.clientWidth + 1
          && !e.closest('.scroll, .rows, #health-table, .plot, svg > *')).map((e) => e.outerHTML.slice(0, 200))"""
    )
    return results


async def faint(tab: Tab) -> list[str]:
    """Return the texts whose contrast with the background is below 4.5, or 3 for large ones (WCAG 2.2, 1.4.3).

    axe-core leaves texts open that another element covers, as the button of a tile does.
    """
    results: list[str] = await tab.evaluate(
        """(() => {
          const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
          const linear = (part) => (part <= 10.31 ? part / 3294.6 : ((part / 255 + 0.055) / 1.055) ** 2.4);
          const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
          const opaque = (e) => (e && (parts(getComputedStyle(e).backgroundColor)[3] ?? 1) < 1 ? opaque(e.parentElement) : e);
          return [...document.body.querySelectorAll('*')].filter((e) => e.checkVisibility() && !e.closest('svg, option')
            && [...e.childNodes].some((node) => node.nodeType === 3 && node.data.trim())).flatMap((e) => {
            const style = getComputedStyle(e);
            const ground = getComputedStyle(opaque(e) ?? document.documentElement).backgroundColor;
            const [dark, light] = [style.color, ground].map((colour) => luminance(parts(colour))).sort((a, b) => a - b);
            const size = parseFloat(style.fontSize) * (style.fontWeight >= 700 ? 24 / 18.66 : 1);
            const contrast = (light + 0.05) / (dark + 0.05);
            return contrast < (size >= 24 ? 3 : 4.5) ? [`${e.outerHTML.slice(0, 120)} ${style.color} on ${ground}`] : [];
          });
        })()"""
    )
    return results
