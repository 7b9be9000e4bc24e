"""Define every error that a caller can receive.

Each class has a stable ``code``. A response carries ``code: message`` in a stage's ``error``; a message says what
happened and what to do. ``is_retryable`` tells whether the same request can succeed later. No message repeats the
caller's data or a secret: messages travel to logs, traces and other people.

::

    MultichainError
    ├── RequestError
    │   ├── InvalidRequestError       invalid_request
    │   ├── StageReferenceError       bad_reference
    │   └── DependencyFailedError     waited
    ├── StageFailedError              internal
    ├── DeadlineError                 deadline
    ├── CancelledCallError            stopped
    ├── ProviderError
    │   ├── CredentialError           credential
    │   ├── ModelUnavailableError     model_unavailable
    │   ├── ProviderUnavailableError  provider_busy
    │   ├── ProviderAddressError      address
    │   ├── ModerationError           refused
    │   ├── UnusableReplyError        no_answer
    │   ├── PendingCallError          pending
    │   └── RejectedCallError         provider
    │       └── UnmatchedVectorsError vectors
    ├── ResponseTooLargeError         payload
    ├── ImageStorageError             storage
    ├── ConfigError
    │   ├── ProfileError              bad_profile
    │   └── SettingError              bad_setting
    ├── DocumentError                 bad_document
    ├── IndexFolderError              bad_index
    └── CommandError                  command
"""

from typing import ClassVar


class MultichainError(Exception):
    """Root of all errors of this project.

    ``str(error)`` is the message, ``error.coded_message`` the text of a response's ``error`` field.
    """

    code: ClassVar[str] = "internal"
    is_retryable: ClassVar[bool] = False

    @property
    def coded_message(self) -> str:
        """The error as a response carries it: code, colon, message."""
        return f"{self.code}: {self}"


class RequestError(MultichainError):
    """A request, or one of its stages, cannot be answered as it was sent."""


class InvalidRequestError(RequestError):
    """A request does not fit the contract. The message names the field and what was expected."""

    code = "invalid_request"


class StageReferenceError(RequestError):
    """A ``{stage.field}`` reference is circular, names no stage of the request, or names a field that is not text."""

    code = "bad_reference"


class DependencyFailedError(RequestError):
    """A stage did not run, because a stage that it refers to failed."""

    code = "waited"


class StageFailedError(MultichainError):
    """A stage raised an exception that is none of this project's."""

    code = "internal"
    is_retryable = True


class ProviderError(MultichainError):
    """A provider did not answer a call."""


class CredentialError(ProviderError):
    """The key of a provider is missing, or the provider rejects it."""

    code = "credential"


class ModelUnavailableError(ProviderError):
    """A model does not exist, is not permitted, or its quota is used up. Another model may answer."""

    code = "model_unavailable"


class ProviderUnavailableError(ProviderError):
    """A provider is overloaded, slow or unreachable, after all retries."""

    code = "provider_busy"
    is_retryable = True


class ProviderAddressError(ProviderError):
    """A server answers at the address, but not with the provider's protocol."""

    code = "address"


class ModerationError(ProviderError):
    """The provider's moderation refused the request."""

    code = "refused"


class UnusableReplyError(ProviderError):
    """A chat model wrote no answer twice: nothing, only a thought, its own prompt, or no diagram that can be drawn."""

    code = "no_answer"
    is_retryable = True


class CancelledCallError(MultichainError):
    """The call that a request waited for was cancelled."""

    code = "stopped"
    is_retryable = True


class DeadlineError(MultichainError):
    """The request's time was up before the stage had finished."""

    code = "deadline"
    is_retryable = True


class ResponseTooLargeError(MultichainError):
    """An image does not fit into the response."""

    code = "payload"


class ImageStorageError(MultichainError):
    """An image cannot be written to the place that MULTICHAIN_PICTURES names."""

    code = "storage"


class PendingCallError(ProviderError):
    """The call is collected for a Batch API, and has no result yet."""

    code = "pending"
    is_retryable = True


class RejectedCallError(ProviderError):
    """The provider rejected the call, or its answer lacks what was asked for."""

    code = "provider"


class UnmatchedVectorsError(RejectedCallError):
    """The vectors of an embeddings call do not belong to the texts one to one, or have several lengths."""

    code = "vectors"


class ConfigError(MultichainError):
    """A profile or an environment variable is wrong."""


class ProfileError(ConfigError):
    """A profile cannot be read, or names something that does not exist."""

    code = "bad_profile"


class SettingError(ConfigError):
    """An environment variable has a value that cannot be used."""

    code = "bad_setting"


class DocumentError(MultichainError):
    """A document cannot be read, or no document was found."""

    code = "bad_document"


class IndexFolderError(MultichainError):
    """An index folder is missing or damaged, or has another format or other embeddings."""

    code = "bad_index"


class CommandError(MultichainError):
    """A command cannot do its work, for a reason outside the contract."""

    code = "command"
