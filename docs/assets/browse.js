/* Narrows the long lists (papers, head types). Without it the lists are complete and in order.
   The form and its menus are made by survey_tools/site/browse.py; the choice is kept after # in the address. */
(function () {
  "use strict";

  const form = document.querySelector("form.filters");
  if (!form) return;

  const lists = [...document.querySelectorAll("ol.browse")];
  const menus = [...form.querySelectorAll("select")];
  const find = form.elements.q;
  const count = form.querySelector("output");
  const clear = form.querySelector("button[type=reset]");

  // "Ortu Rev-Fé" and "ortu rev fe" are the same to a reader.
  const plain = (words) =>
    words.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase().replace(/[\s\-_/:]+/g, " ").trim();

  const items = lists.flatMap((list) =>
    [...list.children].map((element) => ({
      element,
      words: plain(element.textContent + " " + (element.dataset.also || "")),
      values: Object.fromEntries(menus.map((menu) => [menu.name, new Set((element.dataset[menu.name] || "").split(" "))])),
    })));

  // What stands above a list, down from the list before it, goes when the list is empty.
  const headings = new Map(lists.map((list) => {
    const above = [];
    let element = list.previousElementSibling;
    for (; element && element !== form && !element.matches("ol.browse"); element = element.previousElementSibling) above.push(element);
    return [list, above];
  }));
  const labels = new Map(menus.flatMap((menu) =>
    [...menu.options].map((option) => [option, option.textContent.replace(/ \(\d+\)$/, "")])));

  const hasText = (item, words) => words.every((word) => item.words.includes(word));
  const isChosen = (item, except) =>
    menus.every((menu) => menu === except || !menu.value || item.values[menu.name].has(menu.value));

  function show() {
    const words = plain(find.value).split(" ").filter(Boolean);
    const found = items.filter((item) => hasText(item, words));
    let shown = 0;
    for (const item of items) item.element.hidden = true;
    for (const item of found) {
      if (isChosen(item)) {
        item.element.hidden = false;
        shown += 1;
      }
    }
    for (const [list, above] of headings) {
      const empty = ![...list.children].some((element) => !element.hidden);
      for (const element of [list, ...above]) element.hidden = empty;
    }
    for (const menu of menus) countOptions(menu, found.filter((item) => isChosen(item, menu)));
    const all = shown === items.length;
    const noun = items.length === 1 ? form.dataset.one : form.dataset.many;
    count.textContent = all ? `${shown} ${noun}` : `${shown} of ${items.length} ${noun}`;
    clear.hidden = all && !words.length && menus.every((menu) => !menu.value);
  }

  // Each menu counts what choosing its value would leave of the others' choice.
  function countOptions(menu, left) {
    const counts = new Map();
    for (const item of left) for (const value of item.values[menu.name]) counts.set(value, (counts.get(value) || 0) + 1);
    for (const option of menu.options) {
      if (!option.value) continue;
      const count = counts.get(option.value) || 0;
      option.textContent = `${labels.get(option)} (${count})`;
      option.disabled = count === 0 && option.value !== menu.value;
    }
  }

  function keep() {
    const chosen = new URLSearchParams();
    for (const field of [find, ...menus]) if (field.value.trim()) chosen.set(field.name, field.value.trim());
    const hash = chosen.toString();
    history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
  }

  function read() {
    if (location.hash && !location.hash.includes("=")) return; // a heading's anchor
    const chosen = new URLSearchParams(location.hash.slice(1));
    for (const field of [find, ...menus]) {
      field.value = chosen.get(field.name) || "";
      if (field.selectedIndex === -1) field.value = ""; // a value that this list does not hold
    }
    show();
  }

  form.addEventListener("input", () => { show(); keep(); });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    for (const field of [find, ...menus]) field.value = "";
    show();
    keep();
    find.focus();
  });
  addEventListener("hashchange", read);

  form.hidden = false;
  read();
})();
