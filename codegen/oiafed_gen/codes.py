"""The codes of diagnostics: what kind of mistake each is. docs/diagnostics has a page for each."""

from __future__ import annotations

import enum


class Code(enum.StrEnum):
    """A kind of mistake, by the name that people see and that pages and options name it by."""

    # Files
    NO_SCHEMA = "no-schema"
    FILE_NAME = "file-name"
    UNREADABLE_FILE = "unreadable-file"
    FILE_CLASH = "file-clash"
    UNKNOWN_IMPORT = "unknown-import"
    IMPORT_CYCLE = "import-cycle"
    PACKAGE_CYCLE = "package-cycle"
    PROVIDED_PACKAGE = "provided-package"
    TEMPLATE = "template"

    # The text
    YAML_SYNTAX = "yaml-syntax"
    YAML_FEATURE = "yaml-feature"
    NOT_A_SCHEMA = "not-a-schema"
    PROTO_SYNTAX = "proto-syntax"
    PROTOC = "protoc"
    UNKNOWN_KEY = "unknown-key"
    DUPLICATE_KEY = "duplicate-key"
    MISSING_KEY = "missing-key"
    WRONG_VALUE = "wrong-value"

    # Names
    BAD_NAME = "bad-name"
    RESERVED_WORD = "reserved-word"
    DUPLICATE_NAME = "duplicate-name"
    JSON_NAME_CLASH = "json-name-clash"
    PYTHON_NAME_CLASH = "python-name-clash"

    # Types and values
    TYPE_SYNTAX = "type-syntax"
    UNKNOWN_TYPE = "unknown-type"
    AMBIGUOUS_NAME = "ambiguous-name"
    UNSUPPORTED = "unsupported"
    BAD_DEFAULT = "bad-default"
    EMPTY_ENUM = "empty-enum"
    MISSING_NUMBER = "missing-number"
    BAD_NUMBER = "bad-number"
    DUPLICATE_NUMBER = "duplicate-number"
    RESERVED = "reserved"
    BAD_ONE_OF = "bad-one-of"

    # Methods
    MISPLACED_STREAM = "misplaced-stream"
    UNKNOWN_ERROR = "unknown-error"
    NOT_AN_ERROR = "not-an-error"
    ERROR_AS_VALUE = "error-as-value"
    UNKNOWN_ROLE = "unknown-role"

    # What a change breaks: `--against`
    CHANGED_PACKAGE = "changed-package"
    REMOVED_TYPE = "removed-type"
    REMOVED_FIELD = "removed-field"
    REMOVED_VALUE = "removed-value"
    REMOVED_ROLE = "removed-role"
    REMOVED_METHOD = "removed-method"
    RENAMED_FIELD = "renamed-field"
    RENAMED_VALUE = "renamed-value"
    RENUMBERED = "renumbered"
    UNRESERVED = "unreserved"
    CHANGED_TYPE = "changed-type"
    CHANGED_ONE_OF = "changed-one-of"
    CHANGED_DEFAULT = "changed-default"
    CHANGED_METHOD = "changed-method"
    NEW_REQUIRED = "new-required"
    MOVED_PARAMETER = "moved-parameter"
    NOT_IDEMPOTENT = "not-idempotent"
    FEWER_CALLERS = "fewer-callers"

    # Style: `--lint`
    NAMING = "naming"
    ENUM_PREFIX = "enum-prefix"
    ENUM_ZERO = "enum-zero"
    MISSING_DOC = "missing-doc"
    PACKAGE_VERSION = "package-version"
    UNUSED_TYPE = "unused-type"
    TENSOR_TIMEOUT = "tensor-timeout"
    READ_NOT_IDEMPOTENT = "read-not-idempotent"
