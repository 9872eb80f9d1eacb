// SPDX-License-Identifier: Apache-2.0

package elbv2

import (
	"net/http"
	"strings"
	"testing"

	"enishi.dev/enishi/control/api"
	"enishi.dev/enishi/control/api/apitest"
	"enishi.dev/enishi/hoststate"
)

func TestAnUnsignedRequestIsRefusedInTheFormatOfTheServiceByAnyOfItsNames(t *testing.T) {
	s := api.NewServer(api.Options{Store: apitest.OpenStore(t), Services: []api.Service{Service()}})
	for _, host := range []string{
		"elasticloadbalancing.ap-northeast-1.amazonaws.com",
		"vpce-0123456789abcdef0-01234567.elasticloadbalancing.ap-northeast-1.vpce.amazonaws.com",
		"vpce-0123456789abcdef0-01234567-ap-northeast-1a.elasticloadbalancing.ap-northeast-1.vpce.amazonaws.com:443",
	} {
		status, _, body := s.ServeForwarded(t.Context(), hoststate.Forwarded{
			Method: http.MethodPost, URI: "/", Host: host, Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
		}, []byte("Action=DescribeLoadBalancers&Version=2015-12-01"))
		if status != http.StatusForbidden || !strings.HasPrefix(string(body), `<ErrorResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"><Error><Type>Sender</Type><Code>MissingAuthenticationToken</Code>`) {
			t.Errorf("%s: status %d, %s", host, status, body)
		}
	}
}
