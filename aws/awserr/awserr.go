// SPDX-License-Identifier: Apache-2.0

// Package awserr is the one error type that a caller of the API sees: AWS's code,
// its text and its HTTP status. Codes are written where the rule is broken, so
// that they can be searched for; texts follow AWS, since clients match on them.
package awserr

import (
	"fmt"
	"net/http"
)

// Error is an answer that refuses a request.
type Error struct {
	Code    string
	Message string
	Status  int // HTTP status
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// New returns an error of the caller's making (HTTP 400, but for the few codes
// that AWS answers with another status).
func New(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Status: status(code)}
}

// status is AWS's HTTP status for a code (EC2 developer guide, "Error codes").
func status(code string) int {
	switch code {
	case "DryRunOperation":
		return http.StatusPreconditionFailed
	case "UnauthorizedOperation", "AccessDenied", "SignatureDoesNotMatch", "InvalidClientTokenId", "MissingAuthenticationToken":
		return http.StatusForbidden
	case "AuthFailure":
		return http.StatusUnauthorized
	case "InternalError", "InternalFailure":
		return http.StatusInternalServerError
	case "NotImplemented":
		return http.StatusNotImplemented
	case "Unavailable", "ServiceUnavailable", "RequestLimitExceeded":
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest
}
