"""What an operator does in the admin, by hand: each deed with its button, its question, and what then is seen."""

from tests.browser.site import Site
from tests.browser.viewer import Viewer

HOUR_MS = 3_600_000
SURE = "Yes, I’m sure"  # noqa: RUF001


def jobs(queue: str, **terms: str) -> str:
    said = "".join(f"&{name}={value}" for name, value in terms.items())
    return f"/admin/ardiq/job/?queue={queue}{said}"


def job(queue: str, job_id: str) -> str:
    return f"/admin/ardiq/job/{queue}_3A{job_id}/change/"


def failed(viewer: Viewer, site: Site, queue: str, order: int, times: int = 1) -> list[str]:
    """Payments that the bank has declined; the page of the first is open."""
    ids = site.sell(queue, "orders.charge_card", order, "4111 1111", 250_000, times=times)
    for job_id in ids:
        viewer.open(job(queue, job_id))
        viewer.finds(lambda: "Failed" in viewer.text("[data-live=head]"))
    return ids


def test_the_list_is_narrowed_by_state_words_and_task(viewer: Viewer, site: Site, queue: str) -> None:
    (payment,) = failed(viewer, site, queue, 12)
    site.sell(queue, "newsletter.send", 7, delay_ms=HOUR_MS)
    viewer.open(jobs(queue))

    viewer.click(".ardiq-tabs a[href*='state=failed']")
    viewer.until(lambda: "state=failed" in viewer.path)
    viewer.fill(q="declined")
    viewer.click("#changelist-search [type=submit]")
    viewer.until(lambda: "q=declined" in viewer.path)
    assert viewer.count(f"[data-live=rows] [title='{payment}']") == 1
    viewer.open(jobs(queue))
    viewer.click(".ardiq-filter a[href*='task=newsletter.send']")
    viewer.until(lambda: "task=newsletter.send" in viewer.path)

    assert viewer.count("#result_list tbody tr") >= 1
    assert "orders.charge_card" not in viewer.text("#result_list")


def test_a_whole_id_leads_to_its_job(viewer: Viewer, site: Site, queue: str) -> None:
    (letter,) = site.sell(queue, "newsletter.send", 7, delay_ms=HOUR_MS)
    viewer.open(jobs(queue))

    viewer.fill(q=letter)
    viewer.click("#changelist-search [type=submit]")

    viewer.until(lambda: viewer.path == job(queue, letter))


def test_ticked_jobs_are_retried(viewer: Viewer, site: Site, queue: str) -> None:
    one, other = failed(viewer, site, queue, 13, times=2)
    viewer.open(jobs(queue, state="failed"))

    for job_id in (one, other):
        viewer.click(f"input.action-select[value='{queue}:{job_id}']")
    viewer.choose("action", "retry")
    viewer.click(".actions button[name=index]")

    viewer.sees("Queued again", ".messagelist")
    for job_id in (one, other):
        viewer.open(job(queue, job_id))
        viewer.finds(lambda: "attempts: 1" in viewer.text("[data-live=head]") and "Failed" in viewer.text())


def test_more_than_fits_one_request_becomes_a_job(viewer: Viewer, site: Site, queue: str) -> None:
    task = "catalogue.resize_images"
    site.sell(queue, task, 4711, times=1_200, delay_ms=HOUR_MS)
    viewer.open(jobs(queue, state="scheduled", task=task))

    viewer.click("#action-toggle")
    viewer.click(".actions .question a")
    viewer.choose("action", "remove")
    viewer.click(".actions button[name=index]")
    viewer.sees("This will delete 1200 jobs")
    viewer.sees(task, ".ardiq-terms")
    viewer.press(SURE)

    viewer.sees("became a job itself", ".messagelist")
    viewer.finds(lambda: "Succeeded" in viewer.text("[data-live=head]"))
    viewer.sees("'done': 1200", "[data-live=result]")
    viewer.open(jobs(queue, state="scheduled", task=task))
    viewer.sees("No jobs here.")


def test_a_running_job_moves_its_bar_and_is_aborted(viewer: Viewer, site: Site, queue: str) -> None:
    printed = site.home / f"printed-{queue}"
    printed.write_text("2")
    (printing,) = site.sell(queue, "catalogue.print", 8, str(printed))
    viewer.refresh_every(2)
    viewer.open(job(queue, printing))

    viewer.until(lambda: _bar(viewer) == "2/8")
    viewer.run("window.sinceIt = 'was loaded'")
    printed.write_text("5")
    viewer.until(lambda: _bar(viewer) == "5/8")
    viewer.sees("page 5", ".ardiq-progress")
    assert viewer.run("return window.sinceIt") == "was loaded"
    viewer.press("Abort")
    viewer.sees("Are you sure? This will abort")
    viewer.press(SURE)

    viewer.until(lambda: viewer.path == job(queue, printing))
    viewer.sees("Aborted", "[data-live=head]")


def _bar(viewer: Viewer) -> str:
    bar = "const bar = document.querySelector('.ardiq-progress progress');"
    return str(viewer.run(f"{bar} return bar ? `${{bar.value}}/${{bar.max}}` : ''"))


def test_a_failed_job_says_why_and_is_run_again_as_a_copy(viewer: Viewer, site: Site, queue: str) -> None:
    (payment,) = failed(viewer, site, queue, 14)
    viewer.sees("the bank declines 2500.00 EUR", "#ardiq-reason + pre")
    assert "raise CardDeclined" in viewer.text("[data-live=attempts]")
    assert "asking the bank for 250000 cents" in viewer.text("[data-live=attempts]")
    assert "4111" not in viewer.text()

    viewer.press("Run again as a copy")

    viewer.sees("Enqueued as a copy", ".messagelist")
    assert viewer.path != job(queue, payment)
    viewer.finds(lambda: "Failed" in viewer.text("[data-live=head]"))


def test_a_job_is_given_another_time_and_then_run_now(viewer: Viewer, site: Site, queue: str) -> None:
    (letter,) = site.sell(queue, "newsletter.send", 7, delay_ms=HOUR_MS)
    viewer.open(job(queue, letter))

    viewer.press("Reschedule…")
    viewer.fill(seconds="86400")
    viewer.press("Reschedule")
    viewer.sees("is due at", ".messagelist")
    viewer.until(lambda: viewer.path == job(queue, letter))
    viewer.press("Run now")

    viewer.sees("Due now", ".messagelist")
    viewer.finds(lambda: "Succeeded" in viewer.text("[data-live=head]"))


def test_a_task_is_called_by_its_form(viewer: Viewer, site: Site, queue: str) -> None:
    viewer.open(f"/admin/ardiq/task/?queue={queue}")
    viewer.press_in_row("orders.confirm", "Enqueue…")
    viewer.sees("Send the customer what was ordered.")

    viewer.fill(order="not a number")
    viewer.press("Enqueue")
    viewer.sees("This is not JSON")
    viewer.fill(order="4711", customer="Ada")
    viewer.press("Enqueue")

    viewer.sees("anna", "#ardiq-facts ~ dl")
    viewer.finds(lambda: "order 4711 confirmed" in viewer.text("[data-live=result]"))


def test_a_queue_is_paused_and_resumed(viewer: Viewer, site: Site, queue: str) -> None:
    viewer.open("/admin/ardiq/queue/")

    viewer.press_in_row(queue, "Pause")
    viewer.sees("Paused", "#result_list")
    (order,) = site.sell(queue, "orders.confirm", 4711)
    viewer.open(job(queue, order))
    viewer.sees("paused", "[data-live=head]")
    viewer.open("/admin/ardiq/queue/")
    viewer.press_in_row(queue, "Resume")

    viewer.sees("Resumed", ".messagelist")
    viewer.open(job(queue, order))
    viewer.finds(lambda: "Succeeded" in viewer.text("[data-live=head]"))


def test_a_queue_is_cleared_after_a_question(viewer: Viewer, site: Site, queue: str) -> None:
    (letter,) = site.sell(queue, "newsletter.send", 7, delay_ms=HOUR_MS)
    viewer.open("/admin/ardiq/queue/")

    viewer.press_in_row(queue, "Clear")
    viewer.sees("Are you sure? This will clear")
    viewer.press("No, take me back")
    viewer.open(job(queue, letter))
    viewer.sees("Scheduled", "[data-live=head]")
    viewer.open("/admin/ardiq/queue/")
    viewer.press_in_row(queue, "Clear")
    viewer.press(SURE)

    viewer.sees("Cleared", ".messagelist")
    viewer.open(jobs(queue, state="scheduled"))
    viewer.sees("No jobs here.")


def test_a_worker_rests_goes_on_and_ends(viewer: Viewer, site: Site) -> None:
    process = site.hire("database", "--concurrency", "3")
    row = f"process {process.pid}"
    viewer.open("/admin/ardiq/worker/")
    viewer.finds(lambda: row in viewer.text("#result_list"))

    viewer.press_in_row(row, "Quiet")
    viewer.sees("Told to claim nothing more", ".messagelist")
    viewer.finds(lambda: "Quiet" in _state(viewer, row))
    viewer.press_in_row(row, "Go on")
    viewer.finds(lambda: "Idle" in _state(viewer, row))
    viewer.press_in_row(row, "Stop")
    viewer.sees("Are you sure? This will stop")
    viewer.press(SURE)

    assert process.wait(timeout=45) == 0
    viewer.finds(lambda: row not in viewer.text("#result_list"))


def _state(viewer: Viewer, row: str) -> str:
    rows = viewer.driver.find_elements("css selector", "#result_list tr")
    return next((one.find_element("css selector", ".ardiq-state").text for one in rows if row in one.text), "")


def test_a_schedule_is_made_changed_run_and_cancelled(viewer: Viewer, site: Site, queue: str) -> None:
    viewer.open("/admin/ardiq/schedule/")
    viewer.press("Add schedule")
    viewer.click(f"a[href='?task={queue}:reports.monthly_sales']")
    viewer.fill(**{"month": "2026-10", "option-spec": "0 3 1 * *", "option-schedule_id": f"sales of {queue}"})
    viewer.press("Schedule")
    viewer.sees("Fires at 03:00 on day 1 of each month", "#content")

    viewer.open(f"/admin/ardiq/schedule/?queue={queue}")
    viewer.click("#result_list a[href*='sales']")
    viewer.fill(**{"option-spec": "0 4 1 * *"})
    viewer.press("Save")
    viewer.sees("Changed", ".messagelist")
    viewer.open(f"/admin/ardiq/schedule/?queue={queue}")
    viewer.press_in_row("sales of", "Run now")
    viewer.sees(f"Enqueued: sales of {queue}", ".messagelist")
    viewer.press_in_row("sales of", "Disable")
    viewer.sees("Disabled", "#result_list")
    viewer.press_in_row("sales of", "Cancel")
    viewer.press(SURE)

    viewer.sees("Cancelled", ".messagelist")
    viewer.until(lambda: f"sales of {queue}" not in viewer.text("#result_list"))
    viewer.open(jobs(queue, task="reports.monthly_sales"))
    viewer.finds(lambda: "Succeeded" in viewer.text("#result_list"))


def test_what_is_declared_in_code_is_switched_off_and_on(viewer: Viewer, site: Site, queue: str) -> None:
    viewer.open(f"/admin/ardiq/schedule/?queue={queue}")

    viewer.press_in_row("count_stock", "Disable")
    viewer.sees("Disabled", "#result_list")
    viewer.press_in_row("count_stock", "Enable")

    viewer.sees("Enabled", ".messagelist")
