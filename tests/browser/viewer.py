"""Somebody who looks at the admin with Chromium: they wait for what they expect to see, and never for time."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

T = TypeVar("T")
HURRY = """
const later = window.setTimeout.bind(window);
window.turns = 0;
window.setTimeout = (act, ms, ...rest) => ms < 1000 ? later(act, ms, ...rest) : later(() => {
  window.turns += 1;
  act(...rest);
}, 200);
"""  # whatever a page plans to do after seconds happens soon, and is counted

MISSING = (
    "No Chromium with its driver was found, so nobody looks at the admin: "
    "install both with `apt-get install chromium chromium-driver`."
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_S = 45.0
GLANCE_S = 0.05
RELOAD_S = 0.25
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--hide-scrollbars", "--lang=en-GB",
)  # fmt: skip


def programs() -> tuple[str, str] | None:
    """Chromium and its driver; None where one of them is missing."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver")
    return (browser, driver) if browser and driver else None


class Viewer:
    """One browser window, with a profile of its own, at one site."""

    def __init__(self, browser: str, driver: str, address: str, home: Path) -> None:
        self.address = address
        self.downloads = home / "downloads"
        options = ChromeOptions()
        options.binary_location = browser
        for flag in (*FLAGS, f"--user-data-dir={home / 'profile'}"):
            options.add_argument(flag)
        options.add_experimental_option("prefs", {"download.default_directory": str(self.downloads)})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = Chrome(options, Service(driver))
        self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": HURRY})
        self.resize(1280, 1000)

    def close(self) -> None:
        self.driver.quit()

    def resize(self, width: int, height: int) -> None:
        """The page itself is so large, whatever the window has around it."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def prefer(self, scheme: str) -> None:
        """Like it light or dark."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def refresh_every(self, seconds: int) -> None:
        """As chosen at the top of each page; 0 for never. Pages that are open follow when they are opened again."""
        self.run("localStorage.setItem('ardiq.refresh', arguments[0])", str(seconds))

    # going places

    def open(self, path: str) -> None:
        self.driver.get(f"{self.address}{path}")

    def log_in(self, name: str, password: str) -> None:
        self.open("/admin/login/?next=/admin/")
        self.fill(username=name, password=password)
        self.press("Log in")
        self.sees("Site administration")

    @property
    def path(self) -> str:
        return str(self.driver.current_url).removeprefix(self.address)

    # looking

    def until(self, holds: Callable[[], T], glance_s: float = GLANCE_S) -> T:
        """Wait for it, over pages that are just loaded or swapped; returns what it answers."""
        wait = WebDriverWait(self.driver, PATIENCE_S, glance_s, ignored_exceptions=(WebDriverException,))
        return wait.until(lambda _: holds(), f"not on {self.driver.current_url}:\n{self.text()[:3000]}")

    def turns(self) -> int:
        """How often this page has come to the end of what it waits between refreshes."""
        return int(self.run("return window.turns"))

    def run(self, script: str, *args: Any) -> Any:
        return self.driver.execute_script(script, *args)

    def finds(self, holds: Callable[[], T]) -> T:
        """Load the page again and again until it holds: what workers tell of themselves comes a little later."""

        def loaded() -> T:
            self.driver.refresh()
            return holds()

        return self.until(loaded, RELOAD_S)

    def text(self, selector: str = "body") -> str:
        """What is shown there, with single spaces; "" where there is no such thing."""
        said = self.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector)
        return " ".join(said.split())

    def sees(self, words: str, selector: str = "body") -> None:
        self.until(lambda: words in self.text(selector))

    def count(self, selector: str) -> int:
        return int(self.run("return document.querySelectorAll(arguments[0]).length", selector))

    def trouble(self) -> list[str]:
        """What the browser has logged since it was asked last: refusals of the policy, missing files, errors."""
        entries = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        return [entry["message"] for entry in entries if entry["level"] in ("WARNING", "SEVERE")]

    # doing

    def click(self, selector: str) -> None:
        self._do(By.CSS_SELECTOR, selector, WebElement.click)

    def press(self, label: str, inside: str = "") -> None:
        """The button or link that says so."""
        here = f"//*[{inside}]" if inside else ""
        said = f"normalize-space()='{label}' or @value='{label}'"
        self._do(
            By.XPATH, f"{here}//*[self::a or self::button or self::input[@type='submit']][{said}]", WebElement.click
        )

    def press_in_row(self, words: str, label: str) -> None:
        """The button of a table's row."""
        self.press(label, f"self::tr[contains(., '{words}')]")

    def fill(self, **fields: str) -> None:
        for name, value in fields.items():

            def typed(field: WebElement, value: str = value) -> None:
                field.clear()
                field.send_keys(value)

            self._do(By.NAME, name, typed)

    def choose(self, name: str, value: str) -> None:
        """One of a `<select>`."""
        self.click(f"select[name='{name}'] option[value='{value}']")

    def _do(self, by: str, sought: str, deed: Callable[[WebElement], None]) -> None:
        def done() -> bool:
            for element in self.driver.find_elements(by, sought):
                if element.is_displayed():
                    deed(element)
                    return True
            return False

        self.until(done)
