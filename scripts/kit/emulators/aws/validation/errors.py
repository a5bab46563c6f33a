"""What CloudFormation says when it refuses something."""

from __future__ import annotations

from ministack.core.responses import new_uuid


class TemplateError(ValueError):
    """A template, or its parameters, that CloudFormation refuses at the call: ValidationError."""


class ResourceError(ValueError):
    """A resource that its service refuses: CREATE_FAILED, UPDATE_FAILED or DELETE_FAILED."""

    def __init__(
        self, message: str, service: str, status: int = 400, code: str = "InvalidRequest"
    ) -> None:
        """
        Args:
            message: the service's own.
            service: such as S3.
            status: of the service's answer, an HTTP status.
            code: what CloudFormation makes of it (CloudFormation CLI User Guide, "Handler error
                codes").
        """
        super().__init__(
            f'Resource handler returned message: "{message} (Service: {service}, Status Code: '
            f'{status}, Request ID: {new_uuid()})" (RequestToken: {new_uuid()}, '
            f"HandlerErrorCode: {code})"
        )
