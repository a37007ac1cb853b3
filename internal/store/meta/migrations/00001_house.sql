-- +goose Up
-- One text for both engines. An engine replaces three markers before it runs:
--   BYTEA        becomes BLOB on SQLite;
--   COLLATE "C"  goes on SQLite, whose default order is by bytes already;
--   /*rowless*/  becomes WITHOUT ROWID on SQLite: the primary key is the table.
-- Times are Unix microseconds by the database's clock. Ids are 63-bit.
-- Every key begins with tenant_id, then account_id where there is one
-- (docs/decisions/0001): tables can be partitioned by tenant later.

-- The directory database's own tables: they hold no person.

CREATE TABLE installation (
    one        SMALLINT NOT NULL PRIMARY KEY CHECK (one = 1),
    identity   TEXT     NOT NULL,           -- of the engine's storage; a change without new-generation stops serve
    generation BIGINT   NOT NULL DEFAULT 0, -- raised by `store new-generation`
    created_at BIGINT   NOT NULL
);

CREATE TABLE tenant (
    tenant_id  BIGINT   NOT NULL PRIMARY KEY,
    name       TEXT     COLLATE "C" NOT NULL UNIQUE,
    home_site  TEXT     NOT NULL,
    epoch      BIGINT   NOT NULL DEFAULT 1,
    state      SMALLINT NOT NULL DEFAULT 0, -- 0 active, 1 removing
    created_at BIGINT   NOT NULL
);

CREATE TABLE domain (
    name       TEXT   COLLATE "C" NOT NULL PRIMARY KEY, -- lower case, A-labels
    tenant_id  BIGINT NOT NULL REFERENCES tenant,
    created_at BIGINT NOT NULL
);

CREATE TABLE issuer (
    tenant_id BIGINT NOT NULL REFERENCES tenant,
    url       TEXT   COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, url)
) /*rowless*/;

-- What belongs to a tenant.

CREATE TABLE account (
    tenant_id        BIGINT   NOT NULL REFERENCES tenant,
    account_id       BIGINT   NOT NULL,
    kind             SMALLINT NOT NULL, -- 1 person, 2 function, 3 team, 4 room, 5 resource, 6 queue (one a tenant, hidden)
    state            SMALLINT NOT NULL DEFAULT 0, -- 0 active, 1 disabled, 2 removing
    address          TEXT     COLLATE "C" NOT NULL, -- primary address, or '' for the queue account
    display_name     TEXT     NOT NULL DEFAULT '',
    epoch            BIGINT   NOT NULL, -- the tenant's, compared by every write
    modseq           BIGINT   NOT NULL DEFAULT 1,
    generation       BIGINT   NOT NULL DEFAULT 0, -- the newest that this account's counters have jumped for
    next_id          BIGINT   NOT NULL DEFAULT 1, -- every id of the account but content ids
    last_uidvalidity BIGINT   NOT NULL DEFAULT 0,
    quota_bytes      BIGINT   NOT NULL DEFAULT 0, -- 0: no limit
    quota_items      BIGINT   NOT NULL DEFAULT 0,
    used_bytes       BIGINT   NOT NULL DEFAULT 0,
    used_items       BIGINT   NOT NULL DEFAULT 0,
    floor            BIGINT   NOT NULL DEFAULT 0, -- collection tombstones at or below are gone
    wrapped_key      BYTEA    NOT NULL, -- the account key under the tenant key
    created_at       BIGINT   NOT NULL,
    PRIMARY KEY (tenant_id, account_id)
) /*rowless*/;

-- Every address that leads to an account: its primary one and its aliases.
CREATE TABLE address (
    tenant_id  BIGINT NOT NULL,
    address    TEXT   COLLATE "C" NOT NULL, -- lower case, domain in A-labels
    account_id BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, address),
    FOREIGN KEY (tenant_id, account_id) REFERENCES account
) /*rowless*/;
CREATE INDEX address_account ON address (tenant_id, account_id);

CREATE TABLE collection (
    tenant_id      BIGINT   NOT NULL,
    account_id     BIGINT   NOT NULL,
    collection_id  BIGINT   NOT NULL,
    kind           SMALLINT NOT NULL, -- 1 mailbox, 2 calendar, 3 address book, 4 drive
    state          SMALLINT NOT NULL DEFAULT 0, -- 0 there, 1 deleted: its rows go in the background
    name           TEXT     COLLATE "C" NOT NULL, -- a mailbox's whole name, levels joined by '/'
    special_use    TEXT     NOT NULL DEFAULT '', -- RFC 6154 attribute without backslash, lower case
    seen_by_person SMALLINT NOT NULL DEFAULT 0, -- rule 7: 0 shared \Seen, 1 each person's own
    uidvalidity    BIGINT   NOT NULL,
    uidnext        BIGINT   NOT NULL DEFAULT 1,
    modseq         BIGINT   NOT NULL, -- highest of its items and tombstones
    self_modseq    BIGINT   NOT NULL, -- of its own creation, renaming, subscribing, deletion
    floor          BIGINT   NOT NULL DEFAULT 0, -- tombstones at or below are gone
    base_modseq    BIGINT   NOT NULL DEFAULT 0, -- set by a new generation: items answer max(own, base)
    items          BIGINT   NOT NULL DEFAULT 0,
    unseen         BIGINT   NOT NULL DEFAULT 0, -- by the shared \Seen
    deleted        BIGINT   NOT NULL DEFAULT 0, -- with \Deleted
    bytes          BIGINT   NOT NULL DEFAULT 0,
    created_at     BIGINT   NOT NULL,
    PRIMARY KEY (tenant_id, account_id, collection_id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES account
) /*rowless*/;
CREATE UNIQUE INDEX collection_name ON collection (tenant_id, account_id, kind, name) WHERE state = 0;

-- A collection that was renamed or deleted leaves its old name here.
CREATE TABLE collection_tombstone (
    tenant_id     BIGINT   NOT NULL,
    account_id    BIGINT   NOT NULL,
    modseq        BIGINT   NOT NULL,
    collection_id BIGINT   NOT NULL,
    kind          SMALLINT NOT NULL,
    name          TEXT     COLLATE "C" NOT NULL,
    at            BIGINT   NOT NULL,
    PRIMARY KEY (tenant_id, account_id, modseq, collection_id)
) /*rowless*/;

-- Names a person subscribes to. They outlive the collection (RFC 9051 6.3.7), and in
-- a shared account each person has their own.
CREATE TABLE subscription (
    tenant_id  BIGINT   NOT NULL,
    account_id BIGINT   NOT NULL,
    person_id  BIGINT   NOT NULL,
    kind       SMALLINT NOT NULL, -- of the collection
    name       TEXT     COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, account_id, person_id, kind, name),
    FOREIGN KEY (tenant_id, account_id) REFERENCES account
) /*rowless*/;

-- Sealed bytes, small ones inline, large ones as an object of the blob store.
CREATE TABLE content (
    tenant_id  BIGINT NOT NULL,
    account_id BIGINT NOT NULL,
    content_id BYTEA  NOT NULL, -- 16 random bytes
    size       BIGINT NOT NULL, -- before sealing
    sealed     BIGINT NOT NULL, -- after
    object_key TEXT   COLLATE "C" NOT NULL DEFAULT '', -- '' when inline
    inline     BYTEA,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, account_id, content_id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES account
);
CREATE INDEX content_created ON content (tenant_id, account_id, created_at);
CREATE INDEX content_object ON content (tenant_id, object_key) WHERE object_key <> '';

-- Objects whose content row is gone; they are deleted after the backup retention.
CREATE TABLE content_delete (
    tenant_id  BIGINT NOT NULL,
    object_key TEXT   COLLATE "C" NOT NULL,
    due_at     BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, object_key)
) /*rowless*/;
CREATE INDEX content_delete_due ON content_delete (due_at);

-- What a view and a sync need, under 150 bytes a row.
CREATE TABLE item (
    tenant_id       BIGINT  NOT NULL,
    account_id      BIGINT  NOT NULL,
    collection_id   BIGINT  NOT NULL,
    uid             BIGINT  NOT NULL, -- 32 bits in a mailbox
    item_id         BIGINT  NOT NULL, -- of this row; new after COPY and MOVE
    object_id       BIGINT  NOT NULL, -- of the stored object; kept by COPY and MOVE (EMAILID, RFC 8474)
    thread_id       BIGINT  NOT NULL DEFAULT 0,
    modseq          BIGINT  NOT NULL,
    created_modseq  BIGINT  NOT NULL, -- when the item came into this collection
    flags           BIGINT  NOT NULL DEFAULT 0, -- bits: 1 seen, 2 answered, 4 flagged, 8 deleted, 16 draft, 32 folder (drive)
    keywords        TEXT    COLLATE "C" NOT NULL DEFAULT '', -- sorted, one space between
    size            BIGINT  NOT NULL,
    internal_date   BIGINT  NOT NULL, -- INTERNALDATE or the file's time
    save_date       BIGINT  NOT NULL, -- RFC 8514
    content_id      BYTEA, -- null for a folder
    -- What only named items (href) have:
    name            TEXT    COLLATE "C" NOT NULL DEFAULT '',
    -- What only drives have (rule 9):
    parent_id       BIGINT  NOT NULL DEFAULT 0, -- item id of the folder, 0 for the root
    moved_modseq    BIGINT  NOT NULL DEFAULT 0,
    subtree_modseq  BIGINT  NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, account_id, collection_id, uid),
    FOREIGN KEY (tenant_id, account_id, collection_id) REFERENCES collection,
    FOREIGN KEY (tenant_id, account_id, content_id) REFERENCES content
) /*rowless*/;
CREATE UNIQUE INDEX item_journal ON item (tenant_id, account_id, collection_id, modseq, item_id);
CREATE INDEX item_object ON item (tenant_id, account_id, object_id);
CREATE INDEX item_content ON item (tenant_id, account_id, content_id) WHERE content_id IS NOT NULL;
CREATE UNIQUE INDEX item_folder ON item (tenant_id, account_id, collection_id, item_id) WHERE flags >= 32;
CREATE UNIQUE INDEX item_name ON item (tenant_id, account_id, collection_id, parent_id, name) WHERE name <> '';

-- ENVELOPE, BODYSTRUCTURE, PREVIEW and the like: sealed, immutable, once an object.
CREATE TABLE item_meta (
    tenant_id  BIGINT   NOT NULL,
    account_id BIGINT   NOT NULL,
    object_id  BIGINT   NOT NULL,
    encoder    SMALLINT NOT NULL, -- version; another one is computed anew at the next read
    content_id BYTEA    NOT NULL,
    sealed     BYTEA    NOT NULL,
    PRIMARY KEY (tenant_id, account_id, object_id),
    FOREIGN KEY (tenant_id, account_id, content_id) REFERENCES content ON DELETE CASCADE
);
CREATE INDEX item_meta_content ON item_meta (tenant_id, account_id, content_id);

CREATE TABLE tombstone (
    tenant_id      BIGINT NOT NULL,
    account_id     BIGINT NOT NULL,
    collection_id  BIGINT NOT NULL,
    modseq         BIGINT NOT NULL,
    item_id        BIGINT NOT NULL,
    uid            BIGINT NOT NULL,
    created_modseq BIGINT NOT NULL,
    parent_id      BIGINT NOT NULL DEFAULT 0,
    name           TEXT   COLLATE "C" NOT NULL DEFAULT '',
    at             BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, account_id, collection_id, modseq, item_id)
) /*rowless*/;

-- Rule 7: \Seen of one person in a mailbox whose seen_by_person is set.
CREATE TABLE item_seen (
    tenant_id     BIGINT NOT NULL,
    account_id    BIGINT NOT NULL,
    collection_id BIGINT NOT NULL,
    uid           BIGINT NOT NULL,
    person_id     BIGINT NOT NULL,
    flags         BIGINT NOT NULL,
    modseq        BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, account_id, collection_id, uid, person_id),
    FOREIGN KEY (tenant_id, account_id, collection_id, uid) REFERENCES item ON DELETE CASCADE
) /*rowless*/;
CREATE INDEX item_seen_journal ON item_seen (tenant_id, account_id, collection_id, person_id, modseq);

-- Rule 8: a hashed Message-ID leads to the thread it first came in.
CREATE TABLE thread (
    tenant_id  BIGINT NOT NULL,
    account_id BIGINT NOT NULL,
    hash       BIGINT NOT NULL, -- 63 bits of a keyed hash of one Message-ID
    thread_id  BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, account_id, hash),
    FOREIGN KEY (tenant_id, account_id) REFERENCES account
) /*rowless*/;

-- Whether a COMMIT whose answer was lost took place.
CREATE TABLE operation (
    tenant_id    BIGINT NOT NULL,
    account_id   BIGINT NOT NULL,
    operation_id BYTEA  NOT NULL,
    at           BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, account_id, operation_id)
) /*rowless*/;

-- Who may do what with a shared account.
CREATE TABLE account_grant (
    tenant_id  BIGINT   NOT NULL,
    account_id BIGINT   NOT NULL, -- the shared account
    person_id  BIGINT   NOT NULL,
    rights     SMALLINT NOT NULL, -- bits: 1 read, 2 write, 4 manage, 8 send-as
    created_at BIGINT   NOT NULL,
    PRIMARY KEY (tenant_id, account_id, person_id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES account,
    FOREIGN KEY (tenant_id, person_id) REFERENCES account
) /*rowless*/;
CREATE INDEX account_grant_person ON account_grant (tenant_id, person_id);

-- How a person is known to an issuer. (tenant, issuer, sub) is the person.
CREATE TABLE subject (
    tenant_id  BIGINT NOT NULL,
    issuer     TEXT   COLLATE "C" NOT NULL,
    sub        TEXT   COLLATE "C" NOT NULL,
    account_id BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, issuer, sub),
    FOREIGN KEY (tenant_id, account_id) REFERENCES account
) /*rowless*/;
CREATE INDEX subject_account ON subject (tenant_id, account_id);

-- People's own passwords: only the embedded provider has them.
CREATE TABLE password (
    tenant_id  BIGINT NOT NULL,
    account_id BIGINT NOT NULL,
    hash       TEXT   NOT NULL, -- argon2id in PHC form
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, account_id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES account
) /*rowless*/;

CREATE TABLE app_password (
    tenant_id       BIGINT   NOT NULL,
    account_id      BIGINT   NOT NULL,
    app_password_id BIGINT   NOT NULL,
    name            TEXT     NOT NULL,
    services        TEXT     NOT NULL, -- scopes, one space between: mail.read mail.send dav ...
    hash_key        SMALLINT NOT NULL, -- id of the key under which the hash was made
    hash            BYTEA    NOT NULL,
    created_at      BIGINT   NOT NULL,
    expires_at      BIGINT   NOT NULL DEFAULT 0, -- 0: never
    last_used_at    BIGINT   NOT NULL DEFAULT 0,
    last_used_by    TEXT     NOT NULL DEFAULT '', -- protocol and network of the last use
    PRIMARY KEY (tenant_id, account_id, app_password_id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES account
) /*rowless*/;

CREATE TABLE portal_session (
    tenant_id   BIGINT NOT NULL,
    account_id  BIGINT NOT NULL,
    session_id  BYTEA  NOT NULL, -- hash of the cookie's value
    issuer      TEXT   COLLATE "C" NOT NULL,
    sub         TEXT   COLLATE "C" NOT NULL,
    sid         TEXT   COLLATE "C" NOT NULL DEFAULT '', -- the provider's session, for back-channel logout
    user_agent  TEXT   NOT NULL DEFAULT '',
    created_at  BIGINT NOT NULL,
    auth_at     BIGINT NOT NULL, -- the provider's auth_time
    seen_at     BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    sealed      BYTEA  NOT NULL, -- ID token and the like
    PRIMARY KEY (tenant_id, account_id, session_id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES account
) /*rowless*/;
CREATE INDEX portal_session_id ON portal_session (session_id);
CREATE INDEX portal_session_expires ON portal_session (expires_at);

-- Short-lived facts of login: the provider's requests, codes and tokens, the portal's
-- states, spent token ids. Tenant 0 where none is known yet.
CREATE TABLE ticket (
    tenant_id  BIGINT NOT NULL,
    kind       TEXT   COLLATE "C" NOT NULL,
    id         TEXT   COLLATE "C" NOT NULL, -- a hash where the id itself is a secret
    owner      TEXT   COLLATE "C" NOT NULL DEFAULT '', -- what it is found by besides (subject, session)
    sealed     BYTEA  NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, kind, id)
) /*rowless*/;
CREATE INDEX ticket_owner ON ticket (tenant_id, kind, owner) WHERE owner <> '';
CREATE INDEX ticket_expires ON ticket (expires_at);

-- Outbound mail. The body is content of the tenant's queue account.
CREATE TABLE queue_message (
    tenant_id  BIGINT NOT NULL,
    account_id BIGINT NOT NULL, -- the queue account
    message_id BIGINT NOT NULL,
    content_id BYTEA  NOT NULL,
    size       BIGINT NOT NULL,
    sealed     BYTEA  NOT NULL, -- reverse-path, envelope id, DSN parameters, header facts
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, account_id, message_id),
    FOREIGN KEY (tenant_id, account_id, content_id) REFERENCES content
) /*rowless*/;
CREATE INDEX queue_message_content ON queue_message (tenant_id, account_id, content_id);

CREATE TABLE queue_recipient (
    tenant_id   BIGINT   NOT NULL,
    account_id  BIGINT   NOT NULL,
    message_id  BIGINT   NOT NULL,
    recipient   SMALLINT NOT NULL, -- counted from 0
    sealed      BYTEA    NOT NULL, -- forward-path, DSN parameters, last answer
    next_hop    TEXT     COLLATE "C" NOT NULL, -- domain, or 'local'
    state       SMALLINT NOT NULL DEFAULT 0, -- 0 waiting, 1 delivered, 2 failed, 3 dropped
    attempts    BIGINT   NOT NULL DEFAULT 0,
    due_at      BIGINT   NOT NULL,
    delayed_at  BIGINT   NOT NULL DEFAULT 0, -- when the sender was told of a delay
    expires_at  BIGINT   NOT NULL,
    lease_token BIGINT   NOT NULL DEFAULT 0,
    lease_until BIGINT   NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, account_id, message_id, recipient),
    FOREIGN KEY (tenant_id, account_id, message_id) REFERENCES queue_message
) /*rowless*/;
CREATE INDEX queue_recipient_due ON queue_recipient (due_at) WHERE state = 0;

-- Where an imported object came from, so that a second import brings only what is new.
CREATE TABLE origin (
    tenant_id   BIGINT NOT NULL,
    account_id  BIGINT NOT NULL,
    source      BYTEA  NOT NULL, -- keyed hash of server, user and mailbox
    uidvalidity BIGINT NOT NULL, -- the source's
    uid         BIGINT NOT NULL, -- the source's
    object_id   BIGINT NOT NULL, -- what it became; it may be gone since
    digest      BYTEA  NOT NULL, -- keyed digest of the bytes as the source gave them
    at          BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, account_id, source, uidvalidity, uid),
    FOREIGN KEY (tenant_id, account_id) REFERENCES account
) /*rowless*/;
