"use strict";
(() => {
  const chosen = document.getElementById("chosen");
  const operators = [...chosen.querySelectorAll(".operator")];
  const status = document.getElementById("status");

  // Shows one operator alone: all others stay in the page, and are there without this script and in print.
  function show(article) {
    operators.forEach((each) => each.classList.toggle("shown", each === article));
    document.querySelectorAll("#graph svg a").forEach((link) => {
      if (link.getAttribute("href") !== "#" + article.id) return link.removeAttribute("aria-current");
      link.setAttribute("aria-current", "true");
      bringIntoView(link);
    });
  }

  // Scrolls the drawing alone: scrollIntoView would move the page too.
  function bringIntoView(link) {
    const drawing = link.closest(".drawing");
    const [inner, outer] = [link.getBoundingClientRect(), drawing.getBoundingClientRect()];
    if (inner.left < outer.left || inner.right > outer.right)
      drawing.scrollLeft += (inner.left + inner.right - outer.left - outer.right) / 2;
    if (inner.top < outer.top || inner.bottom > outer.bottom)
      drawing.scrollTop += (inner.top + inner.bottom - outer.top - outer.bottom) / 2;
  }

  function follow() {
    const article = document.getElementById(location.hash.slice(1));
    if (!operators.includes(article)) return;
    show(article);
    article.focus({ preventScroll: true });
    article.scrollIntoView({ block: "nearest" });
  }

  function compare(a, b) {
    if (a === "" || b === "") return (a === "") - (b === "");
    const numbers = [Number(a), Number(b)];
    return numbers.some(Number.isNaN) ? a.localeCompare(b) : numbers[0] - numbers[1];
  }

  function sort(table, column, button) {
    const header = button.closest("th");
    const descending = header.getAttribute("aria-sort") === "ascending";
    table.querySelectorAll("th[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
    header.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const body = table.tBodies[0];
    const value = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
    const rows = [...body.rows].map((row) => [value(row), row]);
    rows.sort(([a], [b]) => (descending && a !== "" && b !== "" ? compare(b, a) : compare(a, b)));
    body.append(...rows.map(([, row]) => row));
    status.textContent = `sorted by ${button.textContent}, ${descending ? "descending" : "ascending"}`;
  }

  document.querySelectorAll("table.sortable").forEach((table) => {
    table.querySelectorAll("thead button").forEach((button, column) => {
      button.addEventListener("click", () => sort(table, column, button));
    });
  });
  if (operators.length) {
    document.documentElement.classList.add("scripted");
    show(operators[0]);
    window.addEventListener("hashchange", follow);
    document.addEventListener("click", (event) => {
      const link = event.target.closest('a[href^="#operator-"]');
      if (link && link.getAttribute("href") === location.hash) follow();
    });
    follow();
  }
})();
