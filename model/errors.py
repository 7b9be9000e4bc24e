"""Every error that a user can meet: a stable code, what happened, what to do, and whether a retry can help.

No message repeats the caller's data or a secret: messages travel to logs, traces and other people.
"""

from typing import ClassVar


class MultichainError(Exception):
    """The root of the tree. ``str(error)`` is the sentence, ``error.field`` the text of a response's ``error``."""

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False

    @property
    def coded_message(self) -> str:
        """The error as a response carries it: code, colon, sentence."""
        return f"{self.code}: {self}"


class InvalidRequestError(MultichainError):
    """A request does not fit the contract; it names the field and what was expected."""

    code = "invalid_request"


class StageReferenceError(MultichainError):
    """A ``{stage.field}`` reference cannot be followed: a cycle, an absent stage, a field that is not text."""

    code = "bad_reference"


class DependencyFailedError(MultichainError):
    """A stage did not run because one that it refers to failed."""

    code = "waited"


class StageFailedError(MultichainError):
    """A stage broke in a way that nobody foresaw."""

    code = "internal"
    retryable = True


class CredentialError(MultichainError):
    """A provider's key is missing, or the provider does not take it."""

    code = "credential"


class ModelUnavailableError(MultichainError):
    """A model is gone, not permitted, or its quota is used up; another one may do."""

    code = "model_unavailable"


class ProviderUnavailableError(MultichainError):
    """A provider is overloaded, slow or out of reach, also after its retries."""

    code = "provider_busy"
    retryable = True


class ProviderAddressError(MultichainError):
    """An address answers, but not as a provider does."""

    code = "address"


class ModerationError(MultichainError):
    """A provider's moderation refused the request."""

    code = "refused"


class CancelledCallError(MultichainError):
    """What a request waited for was stopped under it."""

    code = "stopped"
    retryable = True


class DeadlineError(MultichainError):
    """The time of a request was up before a stage was done."""

    code = "deadline"
    retryable = True


class ResponseTooLargeError(MultichainError):
    """A picture does not fit what a response may hold."""

    code = "payload"


class ImageStorageError(MultichainError):
    """A picture cannot be kept where pictures are to be kept."""

    code = "storage"


class ProviderError(MultichainError):
    """A provider did not take a request, or answered with what it should not."""

    code = "provider"


class ProfileError(MultichainError):
    """A profile cannot be read or names what does not exist."""

    code = "bad_profile"


class SettingError(ProfileError):
    """A variable of the environment cannot be read."""

    code = "bad_setting"


class DocumentError(MultichainError):
    """A document cannot be read, or there is none."""

    code = "bad_document"


class IndexFolderError(MultichainError):
    """An index folder is missing, damaged, of another format or of another embedding."""

    code = "bad_index"


class CommandError(MultichainError):
    """A command cannot do what was asked, for a reason outside the contract."""

    code = "command"
