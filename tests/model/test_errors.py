"""Errors: the stable codes that callers read, which errors are retryable, and the tree in the documentation."""

import re

import pytest

from model import errors
from model.errors import MultichainError

ALL_ERRORS = {
    name: error for name, error in vars(errors).items() if isinstance(error, type) and issubclass(error, Exception)
}


@pytest.mark.parametrize(
    ("name", "code", "base"),
    [
        ("MultichainError", "internal", "Exception"),
        ("RequestError", "internal", "MultichainError"),
        ("InvalidRequestError", "invalid_request", "RequestError"),
        ("StageReferenceError", "bad_reference", "RequestError"),
        ("DependencyFailedError", "waited", "RequestError"),
        ("StageFailedError", "internal", "MultichainError"),
        ("DeadlineError", "deadline", "MultichainError"),
        ("CancelledCallError", "stopped", "MultichainError"),
        ("ProviderError", "internal", "MultichainError"),
        ("CredentialError", "credential", "ProviderError"),
        ("ModelUnavailableError", "model_unavailable", "ProviderError"),
        ("ProviderUnavailableError", "provider_busy", "ProviderError"),
        ("ProviderAddressError", "address", "ProviderError"),
        ("ModerationError", "refused", "ProviderError"),
        ("RejectedCallError", "provider", "ProviderError"),
        ("UnmatchedVectorsError", "vectors", "RejectedCallError"),
        ("ResponseTooLargeError", "payload", "MultichainError"),
        ("ImageStorageError", "storage", "MultichainError"),
        ("ConfigError", "internal", "MultichainError"),
        ("ProfileError", "bad_profile", "ConfigError"),
        ("SettingError", "bad_setting", "ConfigError"),
        ("DocumentError", "bad_document", "MultichainError"),
        ("IndexFolderError", "bad_index", "MultichainError"),
        ("CommandError", "command", "MultichainError"),
    ],
)
def test_error_has_a_stable_code_and_base(name: str, code: str, base: str) -> None:
    error = ALL_ERRORS[name]("qa: try again")
    assert (str(error), error.coded_message) == ("qa: try again", f"{code}: qa: try again")
    assert [parent.__name__ for parent in type(error).__bases__] == [base]


def test_only_passing_failures_are_retryable() -> None:
    assert {name for name, error in ALL_ERRORS.items() if error.is_retryable} == {
        "StageFailedError",
        "DeadlineError",
        "CancelledCallError",
        "ProviderUnavailableError",
        "PendingCallError",
        "UnusableReplyError",
    }


def test_each_code_belongs_to_a_single_error() -> None:
    codes = [error.code for error in ALL_ERRORS.values() if error.code != "internal"]
    assert len(codes) == len(set(codes)) == 21


def test_documentation_lists_each_error_with_its_code() -> None:
    tree = re.findall(r"^ +(?:[│├└─ ]*)(\w+Error)(?: +(\w+))?$", str(errors.__doc__), re.MULTILINE)
    assert {name for name, _ in tree} == ALL_ERRORS.keys()
    assert all(issubclass(ALL_ERRORS[name], MultichainError) for name, _ in tree)
    assert {name: code for name, code in tree if code} == {
        name: error.code for name, error in ALL_ERRORS.items() if error.code != "internal" or name == "StageFailedError"
    }
