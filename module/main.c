// SPDX-License-Identifier: GPL-2.0
/* Loading and unloading, and what is done for each network namespace. */
#include <linux/init.h>
#include <linux/ipv6.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include <net/inet_common.h>
#include <net/net_namespace.h>

#include "cong.h"
#include "fastopen.h"
#include "hash.h"
#include "metrics.h"
#include "ports.h"
#include "tcpx.h"
#include "uapi/tcpx.h"

#define TCPX_VERSION	"0.1"

unsigned int tcpx_net_id __read_mostly;

int tcpx_family __read_mostly = AF_TCPX;
module_param_named(family, tcpx_family, int, 0444);
MODULE_PARM_DESC(family, "Number of the address family AF_TCPX (default: 18)");

/* Sockets of the kernel's to send from where there is no connection. */
static int create_control_socks(struct tcpx_net *tn, struct net *net)
{
	int err;

	err = inet_ctl_sock_create(&tn->ctl4, PF_INET, SOCK_RAW, IPPROTO_TCP,
				   net);
	if (err)
		return err;
	if (!ipv6_mod_enabled())
		return 0;

	err = inet_ctl_sock_create(&tn->ctl6, PF_INET6, SOCK_RAW, IPPROTO_TCP,
				   net);
	if (err)
		inet_ctl_sock_destroy(tn->ctl4);
	return err;
}

static void destroy_control_socks(struct tcpx_net *tn)
{
	if (tn->ctl6)
		inet_ctl_sock_destroy(tn->ctl6);
	inet_ctl_sock_destroy(tn->ctl4);
}

static int __net_init tcpx_init_net(struct net *net)
{
	struct tcpx_net *tn = tcpx_net(net);
	int err;

	tn->net = net;
	err = tcpx_mib_init_net(net);
	if (err)
		return err;
	err = tcpx_metrics_init_net(net);
	if (err)
		goto out_exit_mib;
	err = tcpx_fastopen_init_net(net);
	if (err)
		goto out_exit_metrics;
	err = tcpx_sysctl_init_net(net);
	if (err)
		goto out_exit_fastopen;
	err = create_control_socks(tn, net);
	if (err)
		goto out_exit_sysctl;
	err = tcpx_ports_init_net(net);
	if (err)
		goto out_destroy_control_socks;
	tcpx_timewait_init_net(net);
	err = tcpx_diag_init_net(net);
	if (err)
		goto out_purge_timewait;

	return 0;

out_purge_timewait:
	tcpx_timewait_purge_net(net);
	tcpx_ports_exit_net(net);
out_destroy_control_socks:
	destroy_control_socks(tn);
out_exit_sysctl:
	tcpx_sysctl_exit_net(net);
out_exit_fastopen:
	tcpx_fastopen_exit_net(net);
out_exit_metrics:
	tcpx_metrics_exit_net(net);
out_exit_mib:
	tcpx_mib_exit_net(net);
	return err;
}

/*
 * Sockets and requests keep their namespace, TIME-WAIT blocks and holders of
 * ports do not: they end here.
 */
static void __net_exit tcpx_exit_net(struct net *net)
{
	tcpx_early_exit_net(net);
	tcpx_diag_exit_net(net);
	tcpx_sock_abort_all(net);
	tcpx_timewait_purge_net(net);
	tcpx_ports_exit_net(net);
	destroy_control_socks(tcpx_net(net));
	tcpx_sysctl_exit_net(net);
	tcpx_fastopen_exit_net(net);
	tcpx_metrics_exit_net(net);
	tcpx_mib_exit_net(net);
}

static struct pernet_operations tcpx_net_ops = {
	.init = tcpx_init_net,
	.exit = tcpx_exit_net,
	.id = &tcpx_net_id,
	.size = sizeof(struct tcpx_net),
};

/*
 * Somebody may have put himself in front of us in IP's table of protocols and
 * call us from there. Unloading cannot be refused any more: wait for him to
 * leave.
 */
static void leave_demux(void)
{
	while (tcpx_demux_exit()) {
		pr_warn_once("tcpx: another module took our place at IP's protocol 6: waiting until it is unloaded\n");
		schedule_timeout_idle(HZ);
	}
}

static struct tcpx_cong_ops * const algorithms[] = {
	&tcpx_cong_reno, &tcpx_cong_classic, &tcpx_cong_cubic,
	&tcpx_cong_dctcp, &tcpx_cong_bbr, &tcpx_cong_prague,
};

static void unregister_algorithms(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(algorithms); i++)
		tcpx_cong_unregister(algorithms[i]);
}

static int register_algorithms(void)
{
	int i, err = 0;

	for (i = 0; i < ARRAY_SIZE(algorithms) && !err; i++)
		err = tcpx_cong_register(algorithms[i]);
	return err;
}

static int __init tcpx_init(void)
{
	int err;

	if (tcpx_family <= AF_UNSPEC || tcpx_family >= AF_MAX) {
		pr_err("tcpx: family=%d is not from 1 to %d\n", tcpx_family,
		       AF_MAX - 1);
		return -EINVAL;
	}

	err = tcpx_hash_init();
	if (err)
		return err;
	err = tcpx_ports_init();
	if (err)
		goto out_exit_hash;
	err = tcpx_timewait_init();
	if (err)
		goto out_exit_ports;
	err = tcpx_request_init();
	if (err)
		goto out_exit_timewait;
	tcpx_xmit_init();
	tcpx_frag_init();
	tcpx_tx_init();
	err = register_algorithms();
	if (err)
		goto out_exit_xmit;
	err = register_pernet_subsys(&tcpx_net_ops);
	if (err)
		goto out_unregister_cong;
	err = tcpx_demux_init();
	if (err)
		goto out_unregister_pernet;
	err = tcpx_diag_init();
	if (err)
		goto out_leave_demux;
	err = tcpx_af_init();
	if (err)
		goto out_exit_diag;

	pr_info("tcpx: loaded, address family %d\n", tcpx_family);
	return 0;

out_exit_diag:
	tcpx_diag_exit();
out_leave_demux:
	leave_demux();
out_unregister_pernet:
	unregister_pernet_subsys(&tcpx_net_ops);
out_unregister_cong:
	unregister_algorithms();
out_exit_xmit:
	tcpx_tx_exit();
	tcpx_frag_exit();
	tcpx_xmit_exit();
	tcpx_request_exit();
out_exit_timewait:
	tcpx_timewait_exit();
out_exit_ports:
	tcpx_ports_exit();
out_exit_hash:
	tcpx_hash_exit();
	return err;
}

/* No socket is left, or we were not here: TIME-WAIT blocks and holders are. */
static void __exit tcpx_exit(void)
{
	tcpx_af_exit();
	tcpx_diag_exit();
	leave_demux();
	unregister_pernet_subsys(&tcpx_net_ops);
	unregister_algorithms();
	tcpx_tx_exit();
	tcpx_frag_exit();
	tcpx_xmit_exit();
	/* What call_rcu() has been given by us. */
	rcu_barrier();
	tcpx_request_exit();
	tcpx_timewait_exit();
	tcpx_ports_exit();
	tcpx_hash_exit();
}

module_init(tcpx_init);
module_exit(tcpx_exit);

MODULE_DESCRIPTION("A second TCP beside the native one");
MODULE_VERSION(TCPX_VERSION);
MODULE_LICENSE("GPL");
