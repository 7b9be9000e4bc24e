"""Citations in the reply of a chat model."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.providers.prompting import check_citations
from model.runtime import usage


@pytest.mark.parametrize(
    ("reply", "text", "cited", "false_numbers"),
    [
        ("So. [1]", "So. [1]", {0}, []),
        ("So [1][2].", "So [1][2].", {0, 1}, []),
        ("So [1, 3].", "So [1] [3].", {0, 2}, []),
        ("So 【2】.", "So [2].", {1}, []),
        ("So 【2†source】.", "So [2].", {1}, []),
        ("So [9]. But [1].", "So. But [1].", {0}, [9]),
        ("So [2; 9].", "So [2].", {1}, [9]),
        ("So [0].", "So.", set(), [0]),
        ("a[1] = b[i]", "a[1] = b[i]", {0}, []),
        ("No citation.", "No citation.", set(), []),
    ],
)
def test_check_citations_normalises_valid_and_removes_false_ones(
    reply: str, text: str, cited: set[int], false_numbers: list[int]
) -> None:
    with usage.track_usage() as account:
        assert check_citations(reply, 3) == (text, cited)
    assert [note.partition("cited [")[2].partition("]")[0] for note in account.notes] == [str(n) for n in false_numbers]


@given(st.text(), st.integers(0, 5))
def test_check_citations_leaves_no_false_citation(reply: str, passages: int) -> None:
    text, cited = check_citations(reply, passages)
    assert all(position < passages for position in cited)
    assert check_citations(text, passages)[1] <= cited
