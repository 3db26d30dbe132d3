"""Protocols with one guard less, each of which some suite must find out."""

from tests.faults.mutation import Mutant

REDIS, SQLITE, POSTGRES, MEMORY = "redis", "sqlite", "postgres", "memory"
DATABASE = "ardiq_django.brokers.database"
EXACT = ("contract", "model", "faults")  # what verbs say is wrong
BROKEN = ("faults", "contract", "model")  # only what is cut off midway shows it

MUTANTS = (
    Mutant(
        "a claim's fence is not compared", "_settle.lua",
        "fences[i] ~= ARGV[at_fences + i] or taken[id]", "not fences[i] or taken[id]", REDIS, EXACT,
    ),
    Mutant(
        "a turn sent again is made again", "exchange.lua",
        "if last and number <= tonumber(last) then", "if false then", REDIS, EXACT,
    ),
    Mutant(
        "promotion in three commands", "ardiq_django.brokers.redis.broker:RedisBroker.exchange",
        "    return await",
        "    due = [self._keys['due'], b'-inf', await self.now_ms()]\n"
        "    (ids,) = await self._ask(Request((b'ZRANGEBYSCORE', *due)))\n"
        "    if ids:\n"
        "        await self._ask(Request((b'ZREM', self._keys['due'], *ids)))\n"
        "        await self._ask(Request((b'RPUSH', self._keys['lane:default'], *ids)))\n"
        "    return await", REDIS, BROKEN,
    ),
    Mutant(
        "acknowledged before the outcome is written", "ardiq_django.brokers.redis.broker:RedisBroker.exchange",
        "    return await",
        "    done = [one.delivery.job.id for one in turn.outcomes if type(one).__name__ == 'Succeeded']\n"
        "    if done:\n"
        "        (envelopes,) = await self._ask(Request((b'HMGET', self._keys['jobs'], *done)))\n"
        "        await self._ask(Request((b'HDEL', self._keys['jobs'], *done)))\n"
        "        for job_id, envelope in zip(done, envelopes):\n"
        "            if envelope:\n"
        "                await self._ask(Request((b'HSET', self._keys['jobs'], job_id, envelope)))\n"
        "    return await", REDIS, BROKEN,
    ),
    Mutant(
        "a fire time is staged without a look at the watermark", "stage.lua",
        "tonumber(fire_ms) > tonumber(call('HGET', CRON, schedule) or 0)", "true", REDIS, EXACT,
    ),
    Mutant(
        "a lease is not looked at before it is taken away", "fence.lua",
        "lease_end and (how ~= 'lost' or tonumber(lease_end) <= NOW)", "lease_end", REDIS, EXACT,
    ),
    Mutant(
        "a job is amended whatever became of it", "amend.lua",
        "string.sub(envelope, at + 1, at + #was) ~= was", "false", REDIS, EXACT,
    ),
    Mutant(
        "an amended job stays in its old lane, too", "amend.lua",
        "withdraw(id, state, envelope, tally)", "", REDIS, EXACT,
    ),
    Mutant(
        "an amendment that is refused moves the job", f"{DATABASE}.wishes:_amend",
        "if answer is Answer.DONE:", "if True:", SQLITE, EXACT,
    ),
    Mutant(
        "a tombstone is not removed", "_common.lua",
        "call('SREM', lane_tombs(lane), id) == 1", "false", REDIS, EXACT,
    ),
    Mutant(
        "a crash is not counted", "take_back.lua",
        "tally.crashes = tally.crashes + 1\n", "\n", REDIS, EXACT,
    ),
    Mutant(
        "the wish to abort is forgotten by a retry", "_settle.lua",
        "if wishes[id] then", "if false then", REDIS, EXACT,
    ),
    Mutant(
        "something runs beside a suspect", "_claim.lua",
        "if held > 0 and own == 'clearing' then", "if false then", REDIS, EXACT,
    ),
    Mutant(
        "all workers clear suspects at a time", "ardiq_django.brokers.clearing:Clearing.has_room",
        "max(1, self.living // 2)", "self.living", SQLITE, EXACT,
    ),
    Mutant(
        "an enqueue sent again is another one", "_accept.lua",
        "if old.identity == new.identity then", "if false then", REDIS, EXACT,
    ),
    Mutant(
        "a success is written without its claim", "ardiq_django.models.dialects.base:Dialect.succeed",
        "AND ardiq_job.claim = done.claim ", "", SQLITE, EXACT,
    ),
    Mutant(
        "any other outcome is written without its claim", f"{DATABASE}.settling:_Others.settle",
        "job.fence != (self._turn.epoch, delivery.claim)", "not job.epoch", POSTGRES, EXACT,
    ),
    Mutant(
        "a turn is no transaction", f"{DATABASE}.turn:exchange",
        "with tables.atomic():", "if True:", SQLITE, BROKEN,
    ),
    Mutant(
        "leases that last are taken away", "ardiq_django.models.worker:WorkerQuerySet.overdue",
        "self.filter(lease_end_ms__lte=now_ms)", "self.all()", POSTGRES, EXACT,
    ),
    Mutant(
        "outcomes are told once, heard or not", "ardiq_django.worker.lease:Lease._answer_to",
        "await self._patience.endure(error)",
        "await self._patience.endure(error); turn = replace(turn, outcomes=())", MEMORY, ("simulation",),
    ),
    Mutant(
        "what ran in an epoch that is over may write", "ardiq_django.brokers.memory.jobs:Jobs._settle",
        "(entry.holder, entry.claim) != (turn.epoch, delivery.claim)", "entry.holder == ''", MEMORY,
        ("contract", "simulation", "search"),
    ),
    Mutant(
        "a call is made as often as it is sent", "ardiq_django.brokers.memory.broker:MemoryBroker.exchange",
        "turn.call > worker.call", "turn.call", MEMORY, ("simulation", "contract", "search"),
    ),
    Mutant(
        "a place in a lane is never void", "ardiq_django.brokers.memory.jobs:Jobs.take",
        "entry and entry.ticket == ticket and entry.state is State.QUEUED and", "entry and", MEMORY,
        ("search", "contract", "simulation"),
    ),
)  # fmt: skip
