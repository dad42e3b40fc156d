/*
 * Keys and signatures made by OpenSSH 9.2:
 *   ssh-keygen -t TYPE -N '' -C '' -f key; printf 'the message\n' | ssh-keygen -Y sign -n vote@countersign -f key
 */
#pragma once

static const struct ssh_sample {
    const char *name, *key, *signature;
} ssh_samples[] = {
    {"ed25519",
     "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA4gnITcQ4O3wg+LjytZuc1bST/PPSkhLzvMWbuXu9xn",
     "-----BEGIN SSH SIGNATURE-----\n"
     "U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgDiCchNxDg7fCD4uPK1m5zVtJP8\n"
     "89KSEvO8xZu5e73GcAAAAQdm90ZUBjb3VudGVyc2lnbgAAAAAAAAAGc2hhNTEyAAAAUwAA\n"
     "AAtzc2gtZWQyNTUxOQAAAEBYMkPqMWSFllG90idgpHysPeB6sapY4VYo1wjBhSi71w8pHd\n"
     "NI+oBERa1dUERVv+komJ3VuSfG7FXQ6PkU+OYP\n"
     "-----END SSH SIGNATURE-----\n"},
    {"ecdsab256",
     "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBNcD925mu5b/5xBx"
     "1efaMiI2XFqtObXWldSVNPyxUpG16jO7qLcVT6pqZlkg3HcvLsTZKvJA4IT5t66mTVtF2QE=",
     "-----BEGIN SSH SIGNATURE-----\n"
     "U1NIU0lHAAAAAQAAAGgAAAATZWNkc2Etc2hhMi1uaXN0cDI1NgAAAAhuaXN0cDI1NgAAAE\n"
     "EE1wP3bma7lv/nEHHV59oyIjZcWq05tdaV1JU0/LFSkbXqM7uotxVPqmpmWSDcdy8uxNkq\n"
     "8kDghPm3rqZNW0XZAQAAABB2b3RlQGNvdW50ZXJzaWduAAAAAAAAAAZzaGE1MTIAAABlAA\n"
     "AAE2VjZHNhLXNoYTItbmlzdHAyNTYAAABKAAAAIQDZ1lVuiKxDC+qST6ifQfRUMMzvgrDs\n"
     "QUD7okCsIbhuUwAAACEAxhJA/WsW1X9U6w4A1DfnIelbcTAOKwn9d915p0lTuxE=\n"
     "-----END SSH SIGNATURE-----\n"},
    {"ecdsab384",
     "ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBFr4XLffm3h+ZFM3"
     "2QATI78/3abmcGGEahx2Bi3fRwDxLgzViWLnTF1B1ooDuW/hLz47nVltbaupPsVK9FjtFAvmNBctA8pt5UntGq7j"
     "sW8l4gBKvsW5ID6V9Bwi6siM3g==",
     "-----BEGIN SSH SIGNATURE-----\n"
     "U1NIU0lHAAAAAQAAAIgAAAATZWNkc2Etc2hhMi1uaXN0cDM4NAAAAAhuaXN0cDM4NAAAAG\n"
     "EEWvhct9+beH5kUzfZABMjvz/dpuZwYYRqHHYGLd9HAPEuDNWJYudMXUHWigO5b+EvPjud\n"
     "WW1tq6k+xUr0WO0UC+Y0Fy0Dym3lSe0aruOxbyXiAEq+xbkgPpX0HCLqyIzeAAAAEHZvdG\n"
     "VAY291bnRlcnNpZ24AAAAAAAAABnNoYTUxMgAAAIMAAAATZWNkc2Etc2hhMi1uaXN0cDM4\n"
     "NAAAAGgAAAAwApj7YvADihF890pVfc865sKOSdHrFpva6LehuIr7ZZkWeF59oS3wrU+GHo\n"
     "5qENQCAAAAMH8f5N6KhbkBychu+EFL+spZY8bxZEvB9IfeGoZenIPR0gqUtHxIUtrDxR2r\n"
     "sUhaGw==\n"
     "-----END SSH SIGNATURE-----\n"},
    {"ecdsab521",
     "ecdsa-sha2-nistp521 AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBACQL2yAH4VojlQK"
     "4cI8MzKtXYGkYZjkbVdP1WTBHAmrhgtxVi5M7CEYYth9iihtpGuMn1B9eKUICSskZBW1vebNQQHzFKa8mygC1NS4"
     "ShPtlA+xrKMcuG4C6tXdj0WBQPugMAJoEba4gGeQ2/t5mT7eFCjE1n3kqFpzCsB74wMqp8IBaA==",
     "-----BEGIN SSH SIGNATURE-----\n"
     "U1NIU0lHAAAAAQAAAKwAAAATZWNkc2Etc2hhMi1uaXN0cDUyMQAAAAhuaXN0cDUyMQAAAI\n"
     "UEAJAvbIAfhWiOVArhwjwzMq1dgaRhmORtV0/VZMEcCauGC3FWLkzsIRhi2H2KKG2ka4yf\n"
     "UH14pQgJKyRkFbW95s1BAfMUprybKALU1LhKE+2UD7Gsoxy4bgLq1d2PRYFA+6AwAmgRtr\n"
     "iAZ5Db+3mZPt4UKMTWfeSoWnMKwHvjAyqnwgFoAAAAEHZvdGVAY291bnRlcnNpZ24AAAAA\n"
     "AAAABnNoYTUxMgAAAKcAAAATZWNkc2Etc2hhMi1uaXN0cDUyMQAAAIwAAABCAU9ZonXWjg\n"
     "dpOKLV/w8H6Q3eKuTYPfCZTINlmoOc9Uu9Wn7THbUujBAsLMmAib/tY52Ui7Fb3LsTxnBm\n"
     "ScfeMl2ZAAAAQgFCr4U9pjZmFllZo9qhBcAEuKoleNd2iDboxOkh2IB93+iH8k9fL7thq/\n"
     "DZF6YAqzc4rYg9cJx7PJMQ5fZ6MTWHsg==\n"
     "-----END SSH SIGNATURE-----\n"},
    {"rsab2048",
     "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDUOOD50lGYWcv9eaOrPXUTTrzeC3tNhwiiF0e3Q5uXGgSilYgf"
     "qwQmhpGDC5OmTRJ3NUDUV+DZu/DW+FKGE29Z/yksgXDw7YEe+HCI5J0EH6IuVUl2Uxm3KaSzwp9gJVrIipRQ73Af"
     "FxQWNNalSXXiZsAvJAJEAAB4MZS/jlpazfdvdh9Az5mlZ/sSNCSgiWp3fkG9Lh0uZw2pUubiBWFn7gKJndko/B6D"
     "n8hGCXnv8Z7YeMLPLt8tmu2SKgvEiS7kcIDiuvM6zDtzNB+bQvNvvGx6BdXk6BNKxJ6o+mgaADfkoFZFD5fKCk+0"
     "6qOt0WYxNpio8T5ZBzpGKXJWuFT/",
     "-----BEGIN SSH SIGNATURE-----\n"
     "U1NIU0lHAAAAAQAAARcAAAAHc3NoLXJzYQAAAAMBAAEAAAEBANQ44PnSUZhZy/15o6s9dR\n"
     "NOvN4Le02HCKIXR7dDm5caBKKViB+rBCaGkYMLk6ZNEnc1QNRX4Nm78Nb4UoYTb1n/KSyB\n"
     "cPDtgR74cIjknQQfoi5VSXZTGbcppLPCn2AlWsiKlFDvcB8XFBY01qVJdeJmwC8kAkQAAH\n"
     "gxlL+OWlrN9292H0DPmaVn+xI0JKCJand+Qb0uHS5nDalS5uIFYWfuAomd2Sj8HoOfyEYJ\n"
     "ee/xnth4ws8u3y2a7ZIqC8SJLuRwgOK68zrMO3M0H5tC82+8bHoF1eToE0rEnqj6aBoAN+\n"
     "SgVkUPl8oKT7Tqo63RZjE2mKjxPlkHOkYpcla4VP8AAAAQdm90ZUBjb3VudGVyc2lnbgAA\n"
     "AAAAAAAGc2hhNTEyAAABFAAAAAxyc2Etc2hhMi01MTIAAAEApps5CL3cbBeUtjtynStnTQ\n"
     "SGDWXhjrx5jo7PD/k7TU4ZpB4wM1tBRI5fB5vgUF/exxowDx5DJ0XMDow69zST762tImpE\n"
     "osyMGKrETWxG0hkFe2PNqQyYZvsVMYAhpwUrQ2cNLN8oGaOdzcQLz+FMZPhUZLYoDa0HGS\n"
     "m/Sq1afXdScnzXnoXrGY+Vjo9zgmG1Hmfw0uE5CDQyiXzO6a8h075pCbIaz0HfY2xbsO3r\n"
     "qJuNmn3RTl8FDaW3fpPeLdf79QhelkSlSIY+j7e5cfpKb6o1x48RgdsSUeLwGEbo8FuKel\n"
     "YvCAHyyWqlh/nJqbGuNjILdmI44O1e9oE0hv1zjg==\n"
     "-----END SSH SIGNATURE-----\n"},
};

static const char short_rsa_key[] =
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC8XKRnpPidLfUm00NnkvJfet1KZ1Goh4zGHo9Z2FZSzkY1kf9w"
    "YNNcam28t96PJYSLPUT6bkhkmUasxm8g761uVDifNeEemWkXiZWtFz3Q/+g85tPHLL29oO3EL1KzsGxXArs2sr5x"
    "wbhPTPu2q9ygSqYAwErHfdVsfmFL5JBy/w==";
