"""What really stands in stores, to begin from."""

from ardiq_django.plan import PlanOptions, When, pack_plan, plan_of
from ardiq_django.results import Attempt, State
from ardiq_django.statistics import BEGUN, Figures
from ardiq_django.wire import Command, End, News, Order, StagedJob, WorkerCard, pack

JOB = StagedJob(1, "id", "shop.mail", "default", b"\x92\x90\x80", 1, labels={"a": [1, "b"]}, headers={"h": {"x": 1}})
PACKED = pack(JOB)
END = pack(End(State.FAILED, 1, 0, 1, 2, "w", "e.1", -1, "no", b"\xa2ok"))
ATTEMPT = pack(Attempt(1, "failed", 1, 2, "w", "ValueError", "no", "trace", "logs"))
RECORD = f"failed -1 1 {len(END)} {len(PACKED)}|".encode() + END + PACKED + ATTEMPT
PLAN = pack_plan(plan_of("p", JOB, When(at_ms=5), PlanOptions(), 1))
COMMAND = pack(Command(Order.ABORT, "id", 3))
NEWS = pack(News({"id": 5}, {"id": [1, 2, "so far"]}, 7))
CARD = pack(WorkerCard("e", "w", "h", 1, 2, 3))
FIGURES = Figures({BEGUN: 1}).packed()
