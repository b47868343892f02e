"""The page in a headless Chromium: no error, nothing loaded, usable by keyboard, readable dark and narrow."""

import pytest
from browser import Browser, needs_chromium

pytestmark = needs_chromium

CONTRAST = """(() => {
  const channel = (c) => (c /= 255, c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  const luminance = (color) => {
    const [r, g, b] = color.match(/[\\d.]+/g).map(Number);
    return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  };
  const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const paper = luminance(getComputedStyle(document.body).backgroundColor);
  const ink = (selector, property) => [...document.querySelectorAll(selector)].map(
    (each) => ratio(luminance(getComputedStyle(each)[property]), paper));
  const boxes = [...document.querySelectorAll("#graph svg a")].map((a) => ratio(
    luminance(getComputedStyle(a.querySelector("text")).fill), luminance(getComputedStyle(a.querySelector("rect")).fill)));
  return Math.min(...ink("body, a, p, th, td, dt, dd", "color"), ...ink(".figure text:not([fill])", "fill"), ...boxes);
})()"""


@pytest.fixture(scope="module")
def browser():
    with Browser() as browser:
        yield browser


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [380, 1280])
def test_the_page_fits_its_window_loads_nothing_and_has_no_error(browser, page, width, dark):
    browser.problems.clear()
    browser.requests.clear()
    browser.open(page, width=width, dark=dark)
    assert browser.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert browser.problems == []
    assert set(browser.requests) == {page.as_uri()}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_and_figures_stand_out_from_the_paper(browser, page, dark):
    browser.open(page, dark=dark)
    brightness = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (brightness == "rgb(255, 255, 255)") is not dark
    assert browser.evaluate(CONTRAST) >= 4.5


def test_a_table_is_sorted_by_keyboard_in_both_directions(browser, page):
    browser.open(page)
    button = "[...document.querySelectorAll('#operator-table thead button')].find((b) => b.textContent === 'own SNR, dB')"
    column = "[...document.querySelectorAll('#operator-table tbody tr')].map((row) => row.cells[6].dataset.value)"
    browser.evaluate(f"{button}.focus()")
    for order, reverse in (("ascending", False), ("descending", True)):
        browser.press("Enter")
        values = browser.evaluate(column)
        known = [float(value) for value in values if value]
        assert known == sorted(known, reverse=reverse)
        assert len(set(known)) > 3
        assert values[len(known) :] == [""] * (len(values) - len(known))
        assert browser.evaluate(f"{button}.closest('th').getAttribute('aria-sort')") == order
    assert browser.evaluate("document.getElementById('status').textContent") == "sorted by own SNR, dB, descending"


def test_an_operator_of_the_graph_and_its_explanation_open_by_keyboard(browser, page, full):
    browser.open(page)
    shown = "[...document.querySelectorAll('.operator')].filter((e) => e.offsetParent).map((e) => e.id)"
    assert browser.evaluate(shown) == ["operator-0"]
    browser.evaluate("document.querySelector('#graph svg a[href=\"#operator-3\"]').focus()")
    browser.press("Enter")
    assert browser.evaluate("new Promise((done) => setTimeout(() => done(document.activeElement.id), 100))") == "operator-3"
    assert browser.evaluate(shown) == ["operator-3"]
    for _ in range(20):
        browser.press("Tab")
        if browser.evaluate("document.activeElement.tagName") == "SUMMARY":
            break
    browser.press("Enter")
    steps = browser.evaluate("[...document.activeElement.parentElement.querySelectorAll('tr')].map((row) => row.innerText)")
    explained = full.elements[3].chosen[0].explained
    assert f"y\t{explained.value}\t" in next(row for row in steps if row.startswith("y\t"))
    assert browser.evaluate("document.activeElement.parentElement.querySelector('svg').getBoundingClientRect().width > 100")


def test_where_the_page_is_narrow_every_part_can_be_scrolled_to_by_keyboard(browser, page):
    browser.open(page, width=380)
    hidden = "[...document.querySelectorAll('.wide')].filter((e) => e.scrollWidth > e.clientWidth && e.tabIndex !== 0).length"
    assert browser.evaluate(hidden) == 0


def test_without_scripts_everything_is_there(browser, page, full):
    browser.open(page, script=False)
    count = "[...document.querySelectorAll('.operator')].filter((e) => e.offsetParent).length"
    assert browser.evaluate(count) == len(full.elements)
    browser.open(page)


def test_hostile_names_do_no_harm(browser, hostile_page):
    browser.problems.clear()
    browser.open(hostile_page, width=380)
    assert browser.problems == []
    assert browser.evaluate("typeof window.harmed") == "undefined"
    assert browser.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert browser.evaluate("document.querySelectorAll('script').length") == 1
