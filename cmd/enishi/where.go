// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net"
	"net/http"
	"net/url"

	"enishi.dev/enishi/cmd/parts"
	"enishi.dev/enishi/control/order"
	"enishi.dev/enishi/hoststate/reach"
)

// hostOf is the host that has the instance or the interface. What is not known to be
// elsewhere is looked for on this one: its instances are reached without control too.
func (a *app) hostOf(ctx context.Context, kind, id string) string {
	var at order.Place
	err := getJSON(ctx, a.path(controlSocket), "/v1/where?"+url.Values{kind: {id}}.Encode(), &at)
	if err != nil || at.Host == "" {
		return parts.LocalHost
	}
	return at.Host
}

// askHost asks the host's agent, or for a path of the gateway's its gateway.
func (a *app) askHost(ctx context.Context, host, socket, path string, out any) error {
	if host == parts.LocalHost {
		return getJSON(ctx, a.path(socket), path, out)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+path, nil)
	if err != nil {
		return err
	}
	dial := a.dialHost(host)
	h := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) }}}
	return askBy(h, "host "+host, req, out)
}

// dialHost returns what connects with the agent of another host.
func (a *app) dialHost(host string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) { return reach.Dial(ctx, a.path(controlSocket), host) }
}
