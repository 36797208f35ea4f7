"use strict";
(() => {
  const $ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const body = document.querySelector("tbody"), rows = $("tr", body), heads = $("thead th").slice(1, -1);
  const nav = document.querySelector("nav"), select = nav.querySelector("select"), turn = nav.querySelector("[data-turn]");
  let by = -1, down = false;

  const value = (row, i) => {
    if (i < 0) return +row.dataset.place;
    const text = row.cells[i + 1].dataset.value;
    return text === "" ? null : isNaN(+text) ? text : +text;
  };
  const compare = (a, b) => typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
  const sort = (i, backwards) => {
    by = i; down = backwards;
    const keyed = rows.map(row => [value(row, i), row]);
    keyed.sort(([a, r], [b, s]) =>
      (a === null) - (b === null) || (a === null ? 0 : (down ? -1 : 1) * compare(a, b)) || r.dataset.place - s.dataset.place);
    body.append(...keyed.map(([, row]) => row));
    heads.forEach((head, k) => head.setAttribute("aria-sort", k !== i ? "none" : down ? "descending" : "ascending"));
    select.value = i;
    turn.textContent = down ? "↓" : "↑";
  };
  const option = (value, text) => Object.assign(document.createElement("option"), { value, textContent: text });
  select.append(option(-1, "the order given"), ...heads.map((head, i) => option(i, head.textContent)));
  select.addEventListener("change", () => sort(+select.value, false));
  turn.addEventListener("click", () => sort(by, !down));
  heads.forEach((head, i) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", () => sort(i, by === i && !down));
    head.replaceChildren(button);
  });

  const view = name => {
    document.body.classList.toggle("grid", name === "grid");
    $("[data-view]").forEach(button => button.setAttribute("aria-pressed", button.dataset.view === name));
  };
  $("[data-view]").forEach(button => button.addEventListener("click", () => view(button.dataset.view)));

  const dialog = document.querySelector("dialog"), large = dialog.querySelector("img"), words = dialog.querySelector("figcaption");
  let at = 0;
  const pictures = () => $("td.picture img", body);
  const show = i => {
    const all = pictures();
    at = (i + all.length) % all.length;
    const row = all[at].closest("tr");
    large.src = all[at].src;
    large.alt = all[at].alt;
    words.textContent = $("td[data-head]", row).map(cell => `${cell.dataset.head} ${cell.textContent}`).join(" · ");
    if (!dialog.open) dialog.showModal();
  };
  body.addEventListener("click", event => {
    if (event.target.matches("td.picture img")) show(pictures().indexOf(event.target));
  });
  body.addEventListener("keydown", event => {
    if (event.key === "Enter" && event.target.matches("td.picture img")) show(pictures().indexOf(event.target));
  });
  pictures().forEach(picture => { picture.tabIndex = 0; picture.setAttribute("role", "button"); });
  dialog.addEventListener("click", () => dialog.close());
  dialog.addEventListener("keydown", event => {
    if (event.key === "ArrowRight") show(at + 1);
    if (event.key === "ArrowLeft") show(at - 1);
  });

  const copy = async code => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      return true;
    } catch {  // pages that are opened as files may not, in some browsers
      const area = Object.assign(document.createElement("textarea"), { value: code.textContent });
      document.body.append(area);
      area.select();
      const copied = document.execCommand("copy");
      area.remove();
      return copied;
    }
  };
  $("td.command").forEach(cell => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy command";
    button.addEventListener("click", async () => {
      button.textContent = await copy(cell.querySelector("code")) ? "Copied" : "Select it and copy";
      setTimeout(() => { button.textContent = "Copy command"; }, 1600);
    });
    cell.append(button);
  });
  document.body.classList.add("scripted");
  nav.hidden = false;
})();
