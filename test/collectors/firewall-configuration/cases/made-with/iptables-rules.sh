iptables-legacy -P INPUT DROP
iptables-legacy -N WEB
iptables-legacy -A WEB -s 10.0.0.0/8 -j RETURN
iptables-legacy -A WEB -j ACCEPT
iptables-legacy -A INPUT -i lo -j ACCEPT
iptables-legacy -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables-legacy -A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -m limit --limit 15/min --limit-burst 5 -m comment --comment 'ssh "limited"' -j ACCEPT
iptables-legacy -A INPUT -p tcp -m multiport --dports 80,443,8000:8100 -j WEB
iptables-legacy -A INPUT -p udp --dport 53 ! -s 10.0.0.0/8 -j ACCEPT
iptables-legacy -A INPUT -p tcp ! --dport 1:1024 -j DROP
iptables-legacy -A INPUT -p sctp --dport 2905 -j ACCEPT
iptables-legacy -A INPUT -p dccp --sport 33 -j ACCEPT
iptables-legacy -A INPUT -p 47 -j ACCEPT
iptables-legacy -A INPUT -p 253 -j ACCEPT
iptables-legacy -A INPUT ! -p icmp -m iprange --src-range 10.0.0.1-10.0.0.9 -j DROP
iptables-legacy -A INPUT -p icmp --icmp-type echo-request -j ACCEPT
iptables-legacy -A INPUT -m mark --mark 0x10/0xff -j ACCEPT
iptables-legacy -A INPUT -m addrtype --dst-type LOCAL -m pkttype --pkt-type broadcast -j ACCEPT
iptables-legacy -A INPUT -p tcp --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT
iptables-legacy -A INPUT -s 10.1.2.3/255.0.255.0 -j ACCEPT
iptables-legacy -A INPUT -m owner --uid-owner 0 -j ACCEPT
iptables-legacy -A INPUT -m time --timestart 08:00 --timestop 17:00 --weekdays Mon,Tue -j ACCEPT
iptables-legacy -A INPUT -m recent --name knock --rcheck --seconds 60 -j ACCEPT
iptables-legacy -A INPUT -m string --algo bm --string 'a "b" c' -j DROP
iptables-legacy -A INPUT -p tcp --dport 23 -m mac --mac-source 00:11:22:33:44:55 -j ACCEPT
iptables-legacy -A INPUT -m hashlimit --hashlimit-above 5/sec --hashlimit-mode srcip --hashlimit-name h -j DROP
iptables-legacy -A INPUT -m connlimit --connlimit-above 20 -j REJECT
iptables-legacy -A INPUT -j LOG --log-prefix "dropped: " --log-level 4
iptables-legacy -A INPUT -p tcp -j REJECT --reject-with tcp-reset
iptables-legacy -A INPUT -j REJECT
iptables-legacy -A INPUT -p tcp --dport 9000
iptables-legacy -A INPUT -j NFQUEUE --queue-num 3
iptables-legacy -A INPUT -p tcp -g WEB
iptables-legacy -A FORWARD -i eth0 ! -o eth1 -j DROP
iptables-legacy -A OUTPUT -d 192.0.2.1 -p tcp --sport 1000:2000 --dport 25 -j DROP
iptables-legacy -t nat -A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination 10.0.0.2:80
iptables-legacy -t nat -A POSTROUTING -o eth0 -j MASQUERADE
iptables-legacy -t mangle -A PREROUTING -j MARK --set-mark 5
iptables-legacy -t raw -A PREROUTING -p udp --dport 69 -j CT --helper tftp
ip6tables-legacy -P FORWARD DROP
ip6tables-legacy -A INPUT -s fe80::/10 -p icmpv6 --icmpv6-type neighbour-solicitation -j ACCEPT
ip6tables-legacy -A INPUT -s 2001:db8::1/128 -p tcp --dport 22 -j ACCEPT
ip6tables-legacy -A INPUT -m rt --rt-type 0 -j DROP
