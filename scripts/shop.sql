-- Sample data: a small shop. Everybody who can log in may read and write it; that is what the
-- gateway is for.
SET ROLE app;
CREATE TABLE customers (
    id int PRIMARY KEY,
    name text NOT NULL,
    email text NOT NULL
);
CREATE TABLE orders (
    id int PRIMARY KEY,
    customer_id int NOT NULL REFERENCES customers,
    status text NOT NULL,
    total numeric(10, 2) NOT NULL,
    placed date NOT NULL
);
INSERT INTO customers
SELECT g, 'Customer ' || g, 'customer' || g || '@example.com' FROM generate_series(1, 40) AS g;
INSERT INTO orders
SELECT g, 1 + g % 40, CASE WHEN g % 8 = 0 THEN 'cancelled' ELSE 'shipped' END, 10 + g % 90,
       date '2026-01-01' + g % 120
FROM generate_series(1, 1000) AS g;
GRANT ALL ON customers, orders TO PUBLIC;
