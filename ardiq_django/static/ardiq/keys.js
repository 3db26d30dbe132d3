/* Shortcuts of single keys, as the dialog of the page lists them; the server renders it, with what its reader may see.

   They rest while text is typed, a modifier is held, or a theme took the key, and can be switched off in the dialog. */
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const KEY = "ardiq.keys";
  const LEADER = "g";
  const TYPED = "input:not([type=checkbox], [type=radio], [type=button], [type=submit]), select, textarea";
  const dialog = document.querySelector("dialog[data-ardiq-keys]");
  const opener = document.querySelector("[data-ardiq-keys-open]");
  if (!dialog || !opener) {
    return;
  }
  const toggle = dialog.querySelector("input");
  let isLed = false; // by the leader, a moment ago
  let place = null; // of the row that has the focus

  const rows = () => [...document.querySelectorAll("#result_list tbody tr")].filter((row) => row.querySelector("td, th"));
  const current = () => document.activeElement.closest("#result_list tbody tr");
  const tick = (row) => row.querySelector("input.action-select");
  const link = (row) => row.querySelector("th a[href], td a[href]");
  const name = (row) => tick(row)?.value ?? link(row)?.href;

  const stand = (row) => {
    if (row) {
      row.tabIndex = -1;
      row.focus();
      row.scrollIntoView({ block: "nearest" });
    }
    return Boolean(row);
  };

  const step = (by) => {
    const all = rows();
    const here = all.indexOf(current());
    return stand(here < 0 ? all[0] : (all[here + by] ?? all[here]));
  };

  const go = (address) => {
    if (address) {
      location.assign(address);
    }
    return Boolean(address);
  };

  const press = (button) => {
    button?.click();
    return Boolean(button);
  };

  const seek = () => {
    const field = document.querySelector("#searchbar, #changelist-search input[name=q]");
    field?.focus();
    field?.select();
    return Boolean(field);
  };

  const show = () => {
    dialog.open ? dialog.close() : dialog.showModal();
    return true;
  };

  const deeds = {
    "?": show,
    "/": seek,
    j: () => step(1),
    k: () => step(-1),
    x: () => press(current() && tick(current())),
    Enter: () => document.activeElement.matches("tr") && current() !== null && go(link(current())?.href),
    n: () => go(dialog.dataset.next),
    p: () => go(dialog.dataset.previous),
  };

  const led = (key) => go(dialog.querySelector(`a[data-key="${CSS.escape(key)}"]`)?.href);

  const done = (event) => {
    const wasLed = isLed;
    isLed = !event.repeat && !wasLed && event.key === LEADER && !dialog.open;
    if (event.repeat && !["j", "k"].includes(event.key)) {
      return false;
    }
    if (dialog.open) {
      return event.key === "?" && show();
    }
    return isLed || (wasLed ? led(event.key) : Boolean(Object.hasOwn(deeds, event.key) && deeds[event.key]()));
  };

  const isTyped = (target) => target.isContentEditable || (target.matches?.(TYPED) ?? false);
  const isOurs = (event) => !(event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey);

  document.addEventListener("keydown", (event) => {
    const isOther = document.querySelector("dialog[open]:not([data-ardiq-keys])") !== null;
    if (toggle.checked && isOurs(event) && !isTyped(event.target) && !isOther && done(event)) {
      event.preventDefault();
      event.stopPropagation(); // what is done here is not done again by a theme
    }
  });
  document.addEventListener("focusin", ({ target }) => {
    place = target.matches("#result_list tbody tr") ? [name(target), rows().indexOf(target)] : null;
  });
  document.addEventListener("pointerdown", () => {
    place = null;
  });
  document.addEventListener("ardiq:swapped", () => {
    if (place && !current()) { // the row is a new one: the same job, or the one that moved up
      const all = rows();
      stand(all.find((row) => name(row) === place[0]) ?? all[Math.min(place[1], all.length - 1)]);
    }
  });

  toggle.checked = localStorage.getItem(KEY) !== "off";
  toggle.addEventListener("change", () => localStorage.setItem(KEY, toggle.checked ? "on" : "off"));
  opener.addEventListener("click", show);
  dialog.querySelector("button").addEventListener("click", show);
  opener.hidden = false;
  document.querySelector("[data-ardiq-live]")?.append(opener);
});
