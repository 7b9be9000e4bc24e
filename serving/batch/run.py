"""Run a batch: plan which rows are asked, ask them, and write what comes."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..doors.described_stage import DescribedStage
from ..errors import ServingError
from ..targets import Request, Target
from .counts import BatchCounts, BatchPlan, Report
from .ledger import Answer, Ledger, open_ledger
from .mapping import RowMapping, check_key_column, hash_request, make_key, make_mapping
from .options import ALL_CODES, BatchOptions, check_earlier_run
from .parts import Output, PartWriter, choose_output, make_schema
from .row_answers import PENDING, LoadedAsker, RowAsker, cannot_be_reached, make_answer, make_asker
from .source import Source, open_source

_RUNNING = "running"


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """A row that is to be asked."""

    key: str
    request_hash: str
    request: Request


class Batch:
    """A batch that is open: its table, its ledger, and the version that answers. Open it with ``open_batch``."""

    def __init__(self, options: BatchOptions, source: Source, output: Output, ledger: Ledger, target: Target) -> None:
        description = target.describe()
        self.options, self.ledger, self.source = options, ledger, source
        self.ledger_folder = output.ledger_folder
        self.version = str(description["version"])
        self.stages = DescribedStage.list_all(description)
        self.mapping: RowMapping = make_mapping(self.stages, source.columns, options.entries)
        self.key_column = options.key_column
        self.asker: RowAsker = make_asker(target, description)
        check_key_column(options.key, source.columns, self.stages)
        self._fixed = options.describe_output(self.stages)
        self._changeable = {"mapping": self.mapping.describe(), "version": self.version}
        self._check_earlier_run()
        self._repaid_calls = self.asker.repaid_calls if ledger.read_fact(_RUNNING) == "1" else 0
        self.counts = BatchCounts()
        key_type = self._measure()
        self._writer = PartWriter(output, ledger, make_schema(self.stages, self.key_column, key_type))
        self._writer.repair()
        self._pending_count = 0

    def make_plan(self) -> BatchPlan:
        """Return what a run asks, in numbers."""
        has_batch_api = isinstance(self.asker, LoadedAsker)
        return BatchPlan(self.counts, self.ledger.total(), self.version, self._repaid_calls, has_batch_api)

    def plan_rows(self) -> Iterator[PlannedRow]:
        """Yield the rows that are to be asked: those that are not in the ledger, and those that options ask again."""
        keys: set[str] = set()
        for row in self._read_rows():
            if row.key not in keys and self._is_to_ask(row):
                yield row
            keys.add(row.key)

    def run(self, report: Report, send_collected: Callable[[], int] | None = None) -> bool:
        """Ask the planned rows, write their answers, and return whether all were asked that the limits permit.

        Args:
            report: Receives the counts now and then.
            send_collected: Sends the calls that the version collected for the Batch API, waits for their results, and
                returns how many came; None where calls are sent at once. Rows are asked again after it, until none
                waits: a stage of several calls takes several rounds.

        Returns:
            False when ``max_cost`` ended the run.

        Raises:
            ServingError: The target cannot be reached, or a file cannot be written. What was answered is in the ledger,
                and the same command goes on.
        """
        self.ledger.write_facts(**{_RUNNING: "1"}, **self._fixed, **self._changeable)
        started = time.monotonic()
        is_complete = self._ask_all(report, started)
        while self._pending_count and send_collected:
            if not send_collected():
                raise ServingError(
                    f"{self._pending_count} rows wait for calls that the Batch API did not answer; run the same "
                    "command again, or without --batch-api"
                )
            self._pending_count = 0
            is_complete = self._ask_all(report, started)
        self._writer.finish()
        self.ledger.write_facts(**{_RUNNING: "0"})
        return is_complete

    def _ask_all(self, report: Report, started: float) -> bool:
        """Ask the rows that the plan has now; return False when ``max_cost`` ended that."""
        is_complete = True
        windows = self._group(self.plan_rows())
        with ThreadPoolExecutor(self.asker.windows, thread_name_prefix="multichain-batch") as pool:
            running: set[Future[list[Answer]]] = set()
            try:
                while True:
                    while len(running) < self.asker.windows and (is_complete := self._has_budget()):
                        window = next(windows, None)
                        if window is None:
                            break
                        running.add(pool.submit(self._ask, window))
                    if not running:
                        break
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    self._collect(done)
                    self.counts.seconds = time.monotonic() - started
                    report(self.counts)
            except BaseException:
                with suppress(ServingError):  # rows that are under way are recorded, too
                    self._collect(future for future in running if not future.cancel())
                raise
        return is_complete

    def _read_rows(self) -> Iterator[PlannedRow]:
        """Yield each row of the table, whether it is to be asked or not."""
        key_columns = [self.options.key] if self.options.key else []
        for row in self.source.read_rows(list(dict.fromkeys([*self.mapping.columns, *key_columns]))):
            request = self.mapping.make_request(row)
            request_hash = hash_request(request)
            yield PlannedRow(make_key(row, self.options.key, request_hash), request_hash, request)

    def _measure(self) -> pa.DataType:
        """Count the rows, and what of them is to be asked; return the type of the key, which is that of the first row.

        Raises:
            ServingError: A key of the key column repeats. The message has the numbers of the rows, not the key.
        """
        positions: dict[str, int] = {}
        for number, row in enumerate(self._read_rows(), 1):
            self.counts.rows = number
            first = positions.setdefault(row.key, number)
            if first == number and self._is_to_ask(row):
                self.counts.to_ask += 1
                self.counts.stages += len(row.request)
                self.counts.request_bytes += len(str(row.request).encode("utf-8", "replace"))
            elif first != number and self.options.key:
                raise ServingError(
                    f"--key {self.options.key}: rows {first} and {number} have the same key; name a column whose "
                    "values are all different, or leave out --key"
                )
        first_key: Any = json.loads(next(iter(positions), '""'))
        return pa.int64() if isinstance(first_key, int) else pa.string()

    def _is_to_ask(self, row: PlannedRow) -> bool:
        state = self.ledger.find_state(row.key)
        if state is None:
            return True
        if self.options.updates and state[:2] != (row.request_hash, self.version):
            return True
        codes = self.options.retried_codes
        return bool(state[2]) and (ALL_CODES in codes or state[2] in codes)

    def _group(self, rows: Iterator[PlannedRow]) -> Iterator[list[PlannedRow]]:
        """Yield the rows in windows, up to the limit of the run."""
        window: list[PlannedRow] = []
        limit = self.options.limit and self.options.limit - self.counts.asked_rows
        if self.options.limit and not limit:
            return
        for count, row in enumerate(rows, 1):
            window.append(row)
            is_last = count == limit
            if len(window) == self.asker.window or is_last:
                yield window
                window = []
            if is_last:
                return
        if window:
            yield window

    def _ask(self, window: Sequence[PlannedRow]) -> list[Answer]:
        responses = self.asker.ask([row.request for row in window])
        return [
            make_answer(row.key, self.key_column, row.request_hash, row.request, response, self.stages, self.version)
            for row, response in zip(window, responses, strict=True)
        ]

    def _collect(self, futures: Iterable["Future[list[Answer]]"]) -> None:
        """Record what windows gave.

        Raises:
            ServingError: Of a window that failed, when all others are recorded.
        """
        errors = []
        for future in futures:
            try:
                self._record(future.result())
            except ServingError as error:
                errors.append(error)
        if errors:
            raise errors[0]

    def _record(self, answers: Sequence[Answer]) -> None:
        """Write answers into the ledger, and into parts when there are enough.

        Raises:
            ServingError: All of them failed because nothing could be reached. They are not written.
        """
        if cannot_be_reached(answers):
            raise ServingError(
                f"the last {len(answers)} rows could not be asked ({answers[0].output['error']}); they are not counted "
                "as failed, and the same command goes on where this one ended"
            )
        answered = [answer for answer in answers if answer.code != PENDING]
        self._pending_count += len(answers) - len(answered)
        self.ledger.record(answered)
        for answer in answered:
            self.counts.asked_rows += 1
            self.counts.cost += answer.cost
            self.counts.tokens += answer.tokens
            if answer.code:
                self.counts.failed += 1
                self.counts.errors[answer.code] = self.counts.errors.get(answer.code, 0) + 1
        self._writer.write_pending()

    def _has_budget(self) -> bool:
        return self.options.max_cost is None or self.counts.cost < self.options.max_cost

    def _check_earlier_run(self) -> None:
        """Check that this run goes on with the earlier one, unless rows are to be updated.

        Raises:
            ServingError: The key, the mapping, the stages or the version differ.
        """
        if not self.ledger.read_fact("mapping"):
            return
        earlier = {name: self.ledger.read_fact(name) for name in self._fixed | self._changeable}
        check_earlier_run(earlier, self._fixed, self._changeable, updates=self.options.updates)


@contextmanager
def open_batch(options: BatchOptions, open_target: Callable[[Path], Target]) -> Iterator[Batch]:
    """Open a batch: its table, its ledger, and its target.

    Args:
        options: What is asked of the batch.
        open_target: Opens the target; it is called with the ledger's folder, when no other run writes there.

    Raises:
        ServingError: The table, the target or the ledger cannot be opened, the columns do not fit the stages, or the
            earlier run into the same target was another one.
    """
    source = open_source(options.source)
    output = choose_output(options.out, source.suffix)
    with open_ledger(output.ledger_folder) as ledger:
        yield Batch(options, source, output, ledger, open_target(output.ledger_folder))
