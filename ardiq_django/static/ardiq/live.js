/* Fetches the page again now and then, and swaps the regions marked `data-live="<name>"`.

   It rests while the tab is hidden, a row is ticked or a form is in use, and hurries no more where the page says that only
   its counters can change (`data-final`). Everything shown, its language and its rights, comes from the server. */
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const KEY = "ardiq.refresh";
  const RESTS_MOST = 60;
  const bar = document.querySelector("[data-ardiq-live]");
  if (!bar) {
    return;
  }
  const choice = bar.querySelector("select");
  const status = bar.querySelector("[role=status]");
  const floor = Number(bar.dataset.floor);
  let failures = 0;
  let timer = 0;

  const remembered = localStorage.getItem(KEY);
  if (remembered !== null && [...choice.options].some((option) => option.value === remembered)) {
    choice.value = remembered;
  }

  const regions = (root) => [...root.querySelectorAll("[data-live]")];
  const isFinal = () => document.querySelector("[data-final]") !== null;
  const isBusy = () =>
    document.hidden ||
    document.querySelector("input.action-select:checked, #action-toggle:checked") !== null ||
    regions(document).some((region) => region.contains(document.activeElement) && document.activeElement.matches("input:focus-visible, select, textarea"));

  const say = (form) => {
    status.textContent = form.replace("%s", new Date().toLocaleTimeString(document.documentElement.lang || undefined));
  };

  const keepOpen = (from, to) => {
    const before = [...from.querySelectorAll("details")];
    to.querySelectorAll("details").forEach((details, place) => {
      const same = details.id ? before.find((one) => one.id === details.id) : before[place];
      if (same) {
        details.open = same.open;
      }
    });
  };

  // who stands on a button with the keyboard, or has scrolled to a column, stays there
  const SCROLLED = "div, nav, pre";
  const FOCUSED = "a, button, input, select, summary, [tabindex]:not(tr)"; // of rows see keys.js
  const sign = (one) =>
    one.tagName +
    (one.getAttribute("href") ?? one.getAttribute("formaction") ?? one.closest("details, form")?.getAttribute("id") ?? one.value);
  const scrolled = (region) => [region, ...region.querySelectorAll(SCROLLED)];

  const keepPlace = (region) => {
    const offsets = scrolled(region).map((one) => [one.scrollLeft, one.scrollTop]);
    const focused = [...region.querySelectorAll(FOCUSED)].indexOf(document.activeElement);
    const name = focused < 0 ? "" : sign(document.activeElement);
    const focus = (next) => {
      const found = [...next.querySelectorAll(FOCUSED)];
      if (focused >= 0 && !next.contains(document.activeElement)) {
        (found.find((one) => sign(one) === name) ?? found[focused])?.focus({ preventScroll: true });
      }
    };
    return (next) => {
      scrolled(next).forEach((one, place) => one.scrollTo(...(offsets[place] ?? [0, 0])));
      focus(next);
      requestAnimationFrame(() => focus(next)); // a theme's script may hide for a moment what is new
    };
  };

  const exchange = (region, next) => {
    const restore = keepPlace(region);
    keepOpen(region, next);
    region.replaceWith(document.adoptNode(next));
    restore(next);
    const boxes = next.querySelectorAll("tr input.action-select");
    if (boxes.length && window.Actions) {
      window.Actions(boxes, { parent: boxes[0].closest("form") }); // Django's own, or a theme's: ticking rows
    }
  };

  const showTabs = () => {
    for (const tab of document.querySelectorAll(".ardiq-tabs [aria-current]")) {
      const row = tab.closest(".ardiq-tabs");
      const [left, start] = [tab, row].map((one) => one.getBoundingClientRect().left);
      row.scrollLeft += left - start - (row.clientWidth - tab.clientWidth) / 2;
    }
  };

  const swap = (text) => {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    if (!fresh.querySelector("[data-ardiq-live]")) {
      location.reload(); // no longer this page: perhaps the login
      return;
    }
    const found = new Map(regions(fresh).map((region) => [region.dataset.live, region]));
    for (const region of regions(document)) {
      const next = found.get(region.dataset.live);
      if (next && next.innerHTML !== region.innerHTML) {
        exchange(region, next);
      }
    }
    document.dispatchEvent(new CustomEvent("ardiq:swapped"));
  };

  const refresh = async () => {
    try {
      const response = await fetch(location.href, { credentials: "same-origin", headers: { "X-Ardiq-Live": "1" } });
      if (!response.ok) {
        throw new Error(String(response.status));
      }
      if (response.redirected) {
        location.reload(); // what it showed is gone, or so is who looked
        return;
      }
      const text = await response.text();
      if (!isBusy()) {
        swap(text);
        say(bar.dataset.updated);
      }
      failures = 0;
    } catch (error) {
      failures += 1;
      if (failures === 1) {
        say(bar.dataset.stale);
      }
    }
  };

  const plan = () => {
    clearTimeout(timer);
    const seconds = Number(choice.value);
    if (seconds) {
      const rest = isFinal() ? RESTS_MOST : Math.max(seconds, floor) * 2 ** failures;
      timer = setTimeout(turn, Math.min(RESTS_MOST, rest) * 1000);
    }
  };

  const turn = async () => {
    if (!isBusy()) {
      await refresh();
    }
    plan();
  };

  choice.addEventListener("change", () => {
    localStorage.setItem(KEY, choice.value);
    plan();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && Number(choice.value) && !isFinal()) {
      turn();
    }
  });
  window.addEventListener("load", showTabs);
  plan();
});
