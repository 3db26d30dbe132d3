// While a run is going on, its part of the page is asked for once a second. Without this script the page works as well.
const run = document.getElementById("run");
const search = document.getElementById("q");
const goingOn = () => run.querySelector("[data-going]") !== null;

async function refresh() {
  const response = await fetch(run.dataset.source).catch(() => null);
  if (response?.ok) run.innerHTML = await response.text();
  if (goingOn()) setTimeout(refresh, 1000);
  else if (document.activeElement !== search) location.reload();
}

if (goingOn()) setTimeout(refresh, 1000);
