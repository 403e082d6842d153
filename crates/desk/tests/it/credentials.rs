//! Right and wrong credentials, and who meets them: guesses at a shut sign-in, hashes of other systems, what is pasted.

use desk::message::Channel;
use desk::password::InviteStaff;
use desk::password::StartPasswordReset;
use desk::permission::{Permission as P, Proposable};
use desk::request::*;
use desk::second_factor::*;
use desk::session::*;
use desk::staff::*;
use desk::tenant::ChangeSecuritySettings;
use desk::testing::{TestDesk, origin};
use desk::user::standing::*;
use desk::user::*;
use desk::value::clock::{HOUR, MINUTE, SECOND};
use desk::value::id::UserId;
use desk::{Caller, Origin, Refusal};
use serde_json::json;

use crate::support::*;

async fn user_with_hash(t: &TestDesk, word: &str, hash: &str) -> UserId {
    let create = CreateUser { password_hash: Some(hash.to_owned()), ..CreateUser::of(profile(word)) };
    t.desk.perform(&t.house(), create).await.unwrap().id
}

fn bcrypt(password: &str) -> String {
    bcrypt::hash_with_salt(password, 4, *b"sixteen bytes ok").unwrap().to_string()
}

async fn records(t: &TestDesk) -> usize {
    audit(t).await.len()
}

async fn stored_hash(t: &TestDesk, user: UserId) -> String {
    let sql = format!("SELECT password_hash FROM users WHERE id = {}", hex(user.0, t.engine));
    match look(t, sql).await.pop().unwrap().pop().unwrap() {
        desk::db::Value::Text(text) => text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dictionary_learns_nothing_from_a_sign_in_that_is_shut() {
    for t in TestDesk::all().await {
        let ada = user_with_hash(&t, "ada", &bcrypt(PASSWORD)).await;
        let foreign = stored_hash(&t, ada).await;
        for _ in 0..5 {
            assert_eq!(told(&sign_in(&t, "ada", WRONG).await), "wrong");
            t.clock.advance(SECOND);
        }
        let before = records(&t).await;
        for number in 0..40 {
            let word = if number % 8 == 7 { PASSWORD } else { WRONG };
            assert_eq!(told(&sign_in(&t, "ada", word).await), "shut", "{number}");
            t.clock.advance(SECOND);
        }
        assert_eq!(records(&t).await, before + 1, "the guesses of a window are one record");
        let record = last_audit(&t).await;
        assert_eq!(record.facts[0]["step"], "shut");
        assert_eq!(stored_hash(&t, ada).await, foreign, "nothing is hashed anew, which would take longer");
        t.clock.advance(16 * MINUTE);
        sign_in(&t, "ada", WRONG).await;
        sign_in(&t, "ada", PASSWORD).await;
        assert_eq!(records(&t).await, before + 2);
        assert_eq!(last_audit(&t).await.facts[0]["failures"], 46, "the record of the next window says how many came");
        // Once the lock is over, the right one is right.
        t.clock.advance(30 * MINUTE);
        assert_eq!(told(&sign_in(&t, "ada", PASSWORD).await), "signed in");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_barred_for_another_reason_cannot_be_guessed_at_for_ever() {
    for t in TestDesk::all().await {
        let staff = SignInLock::Locked { cause: LockCause::Staff, until: None };
        for (word, standing, code) in [
            ("locked", Standing { lock: staff, ..Standing::default() }, "user_locked"),
            ("disabled", Standing { admission: Admission::Disabled, ..Standing::default() }, "user_disabled"),
            (
                "frozen",
                Standing { core: CoreState::PermanentlyFrozen, ..Standing::default() },
                "user_permanently_frozen",
            ),
        ] {
            user_in(&t, word, standing).await;
            assert_eq!(told(&sign_in(&t, word, PASSWORD).await), code);
            for _ in 0..5 {
                assert_eq!(told(&sign_in(&t, word, WRONG).await), "wrong");
            }
            assert_eq!(told(&sign_in(&t, word, WRONG).await), "shut", "{word}");
            assert_eq!(told(&sign_in(&t, word, PASSWORD).await), "shut", "{word}");
            t.clock.advance(HOUR);
            assert_eq!(told(&sign_in(&t, word, PASSWORD).await), code);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_nobody_has_is_shut_like_any_other() {
    for t in TestDesk::all().await {
        user(&t, "ada").await;
        let mut answers = Vec::new();
        for word in ["ada", "nobody"] {
            let mut all = Vec::new();
            for _ in 0..7 {
                all.push(told(&sign_in(&t, word, WRONG).await));
            }
            t.clock.advance(31 * MINUTE);
            all.push(told(&sign_in(&t, word, WRONG).await));
            answers.push(all);
        }
        assert_eq!(answers[0], answers[1]);
        assert_eq!(answers[0][6], "shut");
        t.clock.advance(HOUR);
        t.desk.sweep().await.unwrap();
        assert_eq!(count(&t, "SELECT COUNT(*) FROM sign_in_tries").await, 0);
    }
}

fn from(t: &TestDesk, address: &str) -> Caller {
    Caller::anonymous(t.tenant, Origin { address: Some(address.parse().unwrap()), ..origin() })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_keeps_no_staff_member_out() {
    for t in TestDesk::all().await {
        staff(&t, "tunde").await;
        let try_from = async |address: &str, name: &str, password: &str| {
            let email = format!("tunde.{name}@bank.example");
            match t.desk.staff_sign_in(&from(&t, address), &email, secret(password)).await.unwrap() {
                desk::staff::StaffSignInAnswer::SignedIn { .. } => "in",
                desk::staff::StaffSignInAnswer::Wrong { locked: true } => "locked",
                desk::staff::StaffSignInAnswer::Wrong { locked: false } => "wrong",
            }
        };
        for name in ["tunde", "nobody"] {
            for _ in 0..4 {
                assert_eq!(try_from("203.0.113.9", name, WRONG).await, "wrong");
            }
            assert_eq!(try_from("203.0.113.9", name, WRONG).await, "locked");
            assert_eq!(try_from("203.0.113.9", name, PASSWORD).await, "locked", "not even with the right one");
        }
        assert_eq!(try_from("198.51.100.7", "tunde", PASSWORD).await, "in", "from elsewhere it goes on");
        // The delay grows, and the guesses within it leave no records.
        let before = records(&t).await;
        for _ in 0..20 {
            assert_eq!(try_from("203.0.113.9", "tunde", WRONG).await, "locked");
        }
        assert_eq!(records(&t).await, before);
        for delay in [30, 60, 120, 240, 480, 900, 900] {
            t.clock.advance((delay - 1) * SECOND);
            assert_eq!(try_from("203.0.113.9", "tunde", PASSWORD).await, "locked", "{delay}");
            t.clock.advance(SECOND);
            assert_eq!(try_from("203.0.113.9", "tunde", WRONG).await, "locked", "{delay}");
        }
        t.clock.advance(15 * MINUTE);
        assert_eq!(try_from("203.0.113.9", "tunde", PASSWORD).await, "in");
        // One who has a /64 has one network.
        for number in 1..=5 {
            try_from(&format!("2001:db8:0:1::{number}"), "tunde", WRONG).await;
        }
        assert_eq!(try_from("2001:db8:0:1:ffff::1", "tunde", PASSWORD).await, "locked");
        assert_eq!(try_from("2001:db8:0:2::1", "tunde", PASSWORD).await, "in");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_at_a_staff_member_all_at_once_are_counted_one_by_one() {
    for t in TestDesk::all().await {
        staff(&t, "tunde").await;
        let mut all = tokio::task::JoinSet::new();
        for number in 0..20 {
            let (desk, nobody) = (t.desk.clone(), t.nobody());
            let password = if number == 19 { PASSWORD } else { WRONG };
            all.spawn(async move {
                tokio::time::sleep(std::time::Duration::from_millis(number)).await;
                let email = "tunde.tunde@bank.example";
                matches!(
                    desk.staff_sign_in(&nobody, email, secret(password)).await.unwrap(),
                    desk::staff::StaffSignInAnswer::Wrong { locked: true }
                )
            });
        }
        let locked = all.join_all().await.into_iter().filter(|it| *it).count();
        assert!(locked >= 15, "{locked}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_in_several_times_at_once_while_a_hash_is_replaced_is_right_each_time() {
    for t in TestDesk::all().await {
        let old = desk::value::password::Hashing { memory_kib: 16, passes: 2, lanes: 1 };
        let ours = old.hash(&secret(PASSWORD), t.desk.random()).unwrap();
        for (word, hash) in [("foreign", bcrypt(PASSWORD)), ("dearer", ours)] {
            let user = user_with_hash(&t, word, &hash).await;
            let mut all = tokio::task::JoinSet::new();
            for _ in 0..12 {
                let (desk, nobody, identifier) = (t.desk.clone(), t.nobody(), format!("adaeze.{word}"));
                all.spawn(async move {
                    let request =
                        SignInRequest { identifier, password: secret(PASSWORD), device: None, lives_seconds: None };
                    told(&desk.sign_in(&nobody, request).await.unwrap())
                });
            }
            let answers = all.join_all().await;
            assert!(answers.iter().all(|answer| answer == "signed in"), "{answers:?}");
            let seen = t.desk.ask(&t.house(), ShowUser(user)).await.unwrap();
            assert_eq!((seen.failed_sign_ins, seen.standing.lock), (0, SignInLock::Open));
            assert_ne!(stored_hash(&t, user).await, hash);
        }
        let sql = "SELECT COUNT(*) FROM event WHERE name = 'user.sign_in_failed'";
        assert_eq!(count(&t, sql).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_hashed_anew_is_what_was_proved() {
    for t in TestDesk::all().await {
        // 72 bytes count for bcrypt.
        let long = "violet kettle harbour ".repeat(4);
        let (head, tail) = (&long[..72], &long[72..]);
        let ada = user_with_hash(&t, "ada", &bcrypt(&long)).await;
        let other = format!("{head}another tail");
        assert_eq!(told(&sign_in(&t, "ada", &other).await), "signed in", "bcrypt has it so");
        assert_eq!(told(&sign_in(&t, "ada", head).await), "signed in");
        assert_eq!(told(&sign_in(&t, "ada", &format!("{head}{tail}")).await), "signed in");
        assert!(stored_hash(&t, ada).await.starts_with("$2b$"));
        // A shorter one is proved whole.
        let eve = user_with_hash(&t, "eve", &bcrypt(&long[..71])).await;
        assert_eq!(told(&sign_in(&t, "eve", &long[..71]).await), "signed in");
        assert!(stored_hash(&t, eve).await.starts_with("$argon2id$"));
        assert_eq!(told(&sign_in(&t, "eve", &long[..71]).await), "signed in");
        assert_eq!(told(&sign_in(&t, "eve", head).await), "wrong");
        // The key of an HMAC may have zero bytes behind it: nobody's password gets them.
        let hash = "$pbkdf2-sha256$1000$yMnKy8zNzs/Q0dLT1NXW1w$ykUOOCokZ4mcx4fUzQ0HvEUud.pjKca7n8c2VH/MKGU";
        user_with_hash(&t, "ife", hash).await;
        sign_in(&t, "ife", "violet kettle harbour\0").await;
        assert_eq!(told(&sign_in(&t, "ife", "violet kettle harbour").await), "signed in");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_the_same_however_its_accents_are_written() {
    let (composed, apart) = ("Caf\u{e9} \u{1e0b}\u{323} harbour 42", "Cafe\u{301} d\u{323}\u{307} harbour 42");
    for t in TestDesk::all().await {
        user_with_hash(&t, "apart", &bcrypt(apart)).await;
        assert_eq!(told(&sign_in(&t, "apart", apart).await), "signed in", "the bytes as they were given");
        assert_eq!(told(&sign_in(&t, "apart", composed).await), "signed in", "hashed anew in NFC");
        let nfc = "Caf\u{e9} \u{1e0d}\u{307} harbour 42";
        user_with_hash(&t, "nfc", &bcrypt(nfc)).await;
        assert_eq!(told(&sign_in(&t, "nfc", apart).await), "signed in");
        // And where it is chosen here.
        let chosen = t.desk.hash_new_password(secret(apart), 10, Vec::new()).await.unwrap();
        user_with_hash(&t, "ours", &chosen).await;
        for form in [nfc, apart, composed] {
            assert_eq!(told(&sign_in(&t, "ours", form).await), "signed in");
        }
        assert_eq!(told(&sign_in(&t, "ours", "Cafe d harbour 42").await), "wrong");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pasted_with_blanks_and_hyphens_is_taken_and_costs_no_try() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        // A link, with what a mail program made of it.
        t.desk
            .perform(&t.admin(), StartPasswordReset { user: ada, method: Channel::Email, reason: None })
            .await
            .unwrap();
        let token = letter(&t, ada, "password_reset").await.unwrap().token.unwrap();
        assert!(!token.contains('-'));
        let (front, back) = token.split_at(20);
        for pasted in [
            format!(" {token}\r\n"),
            format!("{front}-\r\n {back}"),
            format!("<https://bank.example/reset/{front}\n{back}>"),
        ] {
            assert_eq!(desk::credential::tenant_of_link(&pasted), Some(t.tenant), "{pasted:?}");
            t.desk.reset_link(&t.nobody(), &secret(&pasted)).await.unwrap();
        }
        t.desk.choose_password(&t.nobody(), &secret(&format!("{front} \n{back}")), secret(NEW_PASSWORD)).await.unwrap();
        // A code of a text message.
        let caller = t.desk.caller(token_of(sign_in(&t, "ada", NEW_PASSWORD).await).expose(), origin()).await.unwrap();
        t.desk.perform(&caller, SendPhoneCode { user: ada }).await.unwrap();
        let code = letter(&t, ada, "phone_code").await.unwrap().code.unwrap();
        let pasted = secret(&format!("\u{a0}{} - {}\r\n", &code[..3], &code[3..]));
        assert_eq!(
            t.desk.perform(&caller, ConfirmPhone { user: ada, code: pasted }).await.unwrap(),
            PhoneAnswer::Verified
        );
        // A code of a second step.
        let patch = json!({ "mail_codes": true }).as_object().unwrap().clone();
        t.desk.perform(&t.admin(), ChangeSecuritySettings { patch }).await.unwrap();
        let SignInAnswer::SecondFactor { proof, .. } = sign_in(&t, "ada", NEW_PASSWORD).await else { panic!() };
        let code = letter(&t, ada, "sign_in_code").await.unwrap().code.unwrap();
        let pasted = secret(&format!("{}\u{2013}{}\u{200b}", &code[..3], &code[3..]));
        let confirm = ConfirmSignIn { proof, code: pasted, lives_seconds: None };
        assert_eq!(told(&t.desk.perform(&t.nobody(), confirm).await.unwrap()), "signed in");
        assert_eq!(t.desk.ask(&t.house(), ShowUser(ada)).await.unwrap().failed_sign_ins, 0);
        // A code that opens a lock.
        for _ in 0..5 {
            sign_in(&t, "ada", WRONG).await;
        }
        t.desk.ask_unlock(&t.nobody(), "adaeze.ada").await.unwrap();
        let mut waited = 0;
        let code = loop {
            if let Some(letter) = letter(&t, ada, "unlock_code").await {
                break letter.code.unwrap();
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            waited += 1;
            assert!(waited < 500);
        };
        let (front, back) = code.split_at(17);
        let pasted = secret(&format!("\"{front}=\u{ad}-\n{back}\"").replace('=', ""));
        assert_eq!(tenant_of_unlock_code(pasted.expose()), Some(t.tenant));
        t.desk.unlock_by_code(&t.nobody(), &pasted).await.unwrap();
        assert_eq!(refusal(t.desk.unlock_by_code(&t.nobody(), &pasted).await), Refusal::LinkInvalid);
    }
}

async fn edit(t: &TestDesk, user: UserId, patch: serde_json::Value) -> Changed {
    let patch = patch.as_object().unwrap().clone();
    let edit = EditUser { user, if_version: None, patch, kind: None, employee: None, reason: None };
    t.desk.perform(&t.admin(), edit).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_to_an_old_address_dies_with_it() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let start = |method| StartPasswordReset { user: ada, method, reason: None };
        let link = async |method| {
            later(&t);
            t.desk.perform(&t.admin(), start(method)).await.unwrap();
            secret(&letter(&t, ada, "password_reset").await.unwrap().token.unwrap())
        };
        let by_mail = link(Channel::Email).await;
        later(&t);
        edit(&t, ada, json!({ "email_confirmed": true, "phone_verified": true })).await;
        // Another case is no other address.
        edit(&t, ada, json!({ "email": "Adaeze.Ada@mail.example" })).await;
        t.desk.reset_link(&t.nobody(), &by_mail).await.unwrap();
        later(&t);
        let old = t.desk.now();
        let changed = edit(&t, ada, json!({ "email": "new@mail.example" })).await.user;
        assert_eq!((changed.email_changed_at, changed.phone_changed_at), (Some(old), None));
        let profile = changed.profile().unwrap();
        assert_eq!((profile.email_confirmed, profile.phone_verified), (None, Some(true)));
        assert_eq!(refusal(t.desk.reset_link(&t.nobody(), &by_mail).await.map(drop)), Refusal::LinkInvalid);
        let told = letter(&t, ada, "email_changed").await.unwrap();
        assert_eq!(told.to.to_lowercase(), "adaeze.ada@mail.example");
        assert!(facts_of(&last_audit(&t).await).contains(&"user.access_ended".to_owned()));
        // A link by text message lives on when the mail changes, and dies with the number.
        let by_text = link(Channel::Sms).await;
        edit(&t, ada, json!({ "email": "newer@mail.example" })).await;
        t.desk.reset_link(&t.nobody(), &by_text).await.unwrap();
        edit(&t, ada, json!({ "phone": null })).await;
        assert_eq!(refusal(t.desk.reset_link(&t.nobody(), &by_text).await.map(drop)), Refusal::LinkInvalid);
        assert_eq!(letter(&t, ada, "phone_changed").await.unwrap().to, "+12025550143");
        // Whoever states in the same change that the new one is confirmed means it.
        edit(&t, ada, json!({ "email": "newest@mail.example", "email_confirmed": true })).await;
        let seen = t.desk.ask(&t.house(), ShowUser(ada)).await.unwrap();
        assert_eq!(seen.profile.email_confirmed, Some(true));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_sent_to_the_old_phone_never_confirms_the_new_one() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let caller = herself(&t, "ada").await;
        t.desk.perform(&caller, SendPhoneCode { user: ada }).await.unwrap();
        let code = letter(&t, ada, "phone_code").await.unwrap().code.unwrap();
        edit(&t, ada, json!({ "phone": "+12025550199" })).await;
        let confirm = ConfirmPhone { user: ada, code: secret(&code) };
        let answer = t.desk.perform(&caller, confirm).await.unwrap();
        assert_eq!(answer, PhoneAnswer::Refused(Refusal::LinkInvalid));
        assert_eq!(t.desk.ask(&t.house(), ShowUser(ada)).await.unwrap().profile.phone_verified, None);
        // The same of a sign-in code and of a code that opens a lock.
        let patch = json!({ "mail_codes": true }).as_object().unwrap().clone();
        t.desk.perform(&t.admin(), ChangeSecuritySettings { patch }).await.unwrap();
        let SignInAnswer::SecondFactor { proof, .. } = sign_in(&t, "ada", PASSWORD).await else { panic!() };
        let code = letter(&t, ada, "sign_in_code").await.unwrap().code.unwrap();
        edit(&t, ada, json!({ "email": "new@mail.example" })).await;
        let confirm = ConfirmSignIn { proof, code: secret(&code), lives_seconds: None };
        assert_eq!(told(&t.desk.perform(&t.nobody(), confirm).await.unwrap()), "link_invalid");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_changes_an_address_ends_what_was_sent_to_the_old_one() {
    for t in TestDesk::all().await {
        crate::imports::csv(
            &t,
            "external_id,first_name,last_name,email,email_confirmed\nx1,Ada,Okafor,ada@mail.example,true\n",
        )
        .await;
        let ada = t.desk.ask(&t.house(), UserByNumber(1)).await.unwrap().unwrap();
        let start = StartPasswordReset { user: ada, method: Channel::Email, reason: None };
        t.desk.perform(&t.admin(), start).await.unwrap();
        let link = secret(&letter(&t, ada, "password_reset").await.unwrap().token.unwrap());
        later(&t);
        crate::imports::csv(&t, "external_id,email\nx1,new@mail.example\n").await;
        assert_eq!(refusal(t.desk.reset_link(&t.nobody(), &link).await.map(drop)), Refusal::LinkInvalid);
        assert_eq!(letter(&t, ada, "email_changed").await.unwrap().to, "ada@mail.example");
        let seen = t.desk.ask(&t.house(), ShowUser(ada)).await.unwrap();
        assert_eq!((seen.profile.email.as_deref(), seen.profile.email_confirmed), (Some("new@mail.example"), None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_proves_something_is_counted_and_limited() {
    for t in TestDesk::all().await {
        // The current password, told by whoever has got hold of a session.
        let ada = user(&t, "ada").await;
        let own = token(&t, "ada").await;
        let caller = t.desk.caller(own.expose(), origin()).await.unwrap();
        for _ in 0..5 {
            let told = faults(t.desk.change_password(&caller, secret(WRONG), secret(NEW_PASSWORD)).await);
            assert_eq!(told, [("current_password".to_owned(), "wrong")]);
        }
        assert!(!is_open(&t, &own).await, "the session ends with the lock");
        assert_eq!(told(&sign_in(&t, "ada", PASSWORD).await), "shut");
        let told = faults(t.desk.change_password(&caller, secret(PASSWORD), secret(NEW_PASSWORD)).await);
        assert_eq!(told, [("current_password".to_owned(), "wrong")], "nor does it help to have been quick");
        assert!(t.desk.ask(&t.house(), ShowUser(ada)).await.unwrap().failed_sign_ins >= 5);

        // Codes of a phone: five wrong ones, however many codes were sent.
        let eve = user(&t, "eve").await;
        let own = token(&t, "eve").await;
        let caller = t.desk.caller(own.expose(), origin()).await.unwrap();
        for _ in 0..5 {
            later(&t);
            t.desk.perform(&caller, SendPhoneCode { user: eve }).await.unwrap();
            let code = letter(&t, eve, "phone_code").await.unwrap().code.unwrap();
            let wrong = secret(if code == "000000" { "000001" } else { "000000" });
            let answer = t.desk.perform(&caller, ConfirmPhone { user: eve, code: wrong }).await.unwrap();
            assert_eq!(answer, PhoneAnswer::Refused(Refusal::CodeWrong));
        }
        assert!(!is_open(&t, &own).await);

        // First codes of an authenticator, and the PIN.
        user(&t, "ife").await;
        let own = token(&t, "ife").await;
        let caller = t.desk.caller(own.expose(), origin()).await.unwrap();
        let pin = |pin: &str| OwnProof { pin: Some(secret(pin)), ..OwnProof::default() };
        t.desk.set_pin(&caller, secret("0417"), OwnProof::default()).await.unwrap();
        assert_eq!(refusal(t.desk.set_pin(&caller, secret("2590"), OwnProof::default()).await), Refusal::ProofNeeded);
        for _ in 0..5 {
            assert_eq!(refusal(t.desk.set_pin(&caller, secret("2590"), pin("1111")).await), Refusal::ProofWrong);
        }
        assert_eq!(refusal(t.desk.set_pin(&caller, secret("2590"), pin("0417")).await), Refusal::ProofWrong);
        assert!(!is_open(&t, &own).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_goes_with_the_password_or_with_itself_and_not_with_a_session_alone() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let caller = herself(&t, "ada").await;
        let password = || OwnProof { password: Some(secret(PASSWORD)), ..OwnProof::default() };
        let set_up = async || {
            let prepared = t.desk.perform(&caller, PrepareSecondFactor { user: ada }).await.unwrap();
            let seed = prepared.secret.expose().to_owned();
            let code = secret(&totp(&seed, t.desk.now().unix_seconds()));
            let spaced = secret(&format!("{} {}", &seed[..4], &seed[4..].to_lowercase()));
            let confirm = ConfirmSecondFactor { user: ada, secret: spaced, code };
            assert_eq!(t.desk.perform(&caller, confirm).await.unwrap(), None);
            seed
        };
        let seed = set_up().await;
        let refused = t.desk.remove_own_second_factor(&caller, OwnProof::default()).await;
        assert_eq!(refusal(refused), Refusal::ProofNeeded);
        let wrong = OwnProof { password: Some(secret(WRONG)), ..OwnProof::default() };
        assert_eq!(refusal(t.desk.remove_own_second_factor(&caller, wrong).await), Refusal::ProofWrong);
        // Staff's action is not the user's.
        let remove = RemoveSecondFactor { user: ada, reason: None };
        assert_eq!(code(t.desk.perform(&caller, remove).await), "forbidden");
        let code = |seconds| OwnProof { code: Some(secret(&totp(&seed, seconds))), ..OwnProof::default() };
        let used = t.desk.now().unix_seconds();
        assert_eq!(refusal(t.desk.remove_own_second_factor(&caller, code(used)).await), Refusal::ProofWrong, "used");
        t.clock.advance(30 * SECOND);
        let now = t.desk.now().unix_seconds();
        t.desk.remove_own_second_factor(&caller, code(now)).await.unwrap();
        assert!(!t.desk.ask(&t.house(), ShowUser(ada)).await.unwrap().has_second_factor);
        set_up().await;
        t.desk.remove_own_second_factor(&caller, password()).await.unwrap();
        // What was chosen is not swapped with a session alone either.
        t.desk.set_pin(&caller, secret("0417"), OwnProof::default()).await.unwrap();
        assert!(t.desk.choose_second_factor(&caller, "pin", OwnProof::default()).await.unwrap());
        edit(&t, ada, json!({ "phone_verified": true })).await;
        let swap = t.desk.choose_second_factor(&caller, "phone", OwnProof::default()).await;
        assert_eq!(refusal(swap), Refusal::ProofNeeded);
        let pin = OwnProof { pin: Some(secret("04-17")), ..OwnProof::default() };
        assert!(t.desk.choose_second_factor(&caller, "phone", pin).await.unwrap());
        assert!(!t.desk.choose_second_factor(&caller, "phone", OwnProof::default()).await.unwrap());
    }
}

/// A member of the staff with every right, and a session.
async fn member(t: &TestDesk, word: &str) -> (desk::value::id::StaffId, Caller) {
    let id = staff(t, word).await;
    (id, session_of_member(t, word, PASSWORD, id).await)
}

async fn session_of_member(t: &TestDesk, word: &str, password: &str, id: desk::value::id::StaffId) -> Caller {
    let house = t.house();
    let roles = t.desk.ask(&house, desk::role::ListRoles).await.unwrap();
    let admin = roles.iter().find(|role| role.name == "admin").unwrap().id;
    let teams = t.desk.ask(&house, desk::team::ListTeams).await.unwrap();
    let team = match teams.first() {
        Some(team) => team.id,
        None => t.desk.perform(&house, desk::team::CreateTeam { name: "All".to_owned() }).await.unwrap().id,
    };
    t.desk.perform(&house, desk::team::AddMember { team, staff: id, role: admin }).await.unwrap();
    let token = staff_sign_in(t, word, password).await.unwrap();
    t.desk.caller(token.expose(), origin()).await.unwrap()
}

/// Invites a colleague, who chooses a password by the link.
async fn brought_in(t: &TestDesk, by: &Caller, word: &str) -> (desk::value::id::StaffId, Caller) {
    let email = format!("tunde.{word}@bank.example");
    let id = t.desk.perform(by, InviteStaff { name: word.to_owned(), email: email.clone() }).await.unwrap().id;
    let all = t.desk.ask(&t.house(), desk::message::Outbox::Before(None)).await.unwrap();
    let link = all.into_iter().filter_map(|it| it.letter).find(|it| it.to == email).unwrap().token.unwrap();
    t.desk.choose_password(&t.nobody(), &secret(&link), secret(NEW_PASSWORD)).await.unwrap();
    (id, session_of_member(t, word, NEW_PASSWORD, id).await)
}

async fn decided(t: &TestDesk, proposer: &Caller, decider: &Caller, user: UserId) -> desk::Result<SeenRequest> {
    later(t);
    let proposal = Proposal::plain(Proposable::Lock, user);
    let request =
        t.desk.perform(proposer, ProposeAction { proposal, reason: "case".to_owned() }).await.unwrap().request.id;
    let approve = ApproveRequest { request, comment: None, already_so: AlreadySo::Refuse };
    let told = t.desk.perform(decider, approve).await;
    if told.is_err() {
        t.desk.perform(proposer, WithdrawRequest { request, reason: None }).await.unwrap();
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_brought_in_is_no_second_person_until_another_has_confirmed_them() {
    for t in TestDesk::all().await {
        let users = [user(&t, "one").await, user(&t, "two").await, user(&t, "three").await];
        let (_, ada) = member(&t, "ada").await;
        let (_, eve) = member(&t, "eve").await;
        let (puppet, puppets) = brought_in(&t, &ada, "puppet").await;
        let unconfirmed = Refusal::ColleagueUnconfirmed;
        assert_eq!(refusal(decided(&t, &ada, &puppets, users[0]).await), unconfirmed);
        assert_eq!(refusal(decided(&t, &puppets, &ada, users[0]).await), unconfirmed, "nor the other way round");
        // Nor by somebody in between.
        let (between, theirs) = brought_in(&t, &puppets, "between").await;
        assert_eq!(refusal(decided(&t, &ada, &theirs, users[0]).await), unconfirmed);
        assert_eq!(refusal(decided(&t, &puppets, &theirs, users[0]).await), unconfirmed);
        // Nor by a key of theirs.
        let key = t.desk.perform(&puppets, desk::key::CreateKey::native("k", puppet)).await.unwrap().secret.unwrap();
        let key = t.desk.caller(key.expose(), origin()).await.unwrap();
        assert_eq!(refusal(decided(&t, &ada, &key, users[0]).await), unconfirmed);
        // For somebody else they count.
        decided(&t, &eve, &puppets, users[0]).await.unwrap();
        // The word of whoever brought them in does not count, nor their own, nor that of another whom the same brought in.
        let confirm = ConfirmStaff(puppet);
        assert_eq!(refusal(t.desk.perform(&ada, confirm).await), Refusal::BroughtInByCaller);
        assert_eq!(refusal(t.desk.perform(&puppets, ConfirmStaff(puppet)).await), Refusal::NotToOneself);
        assert_eq!(refusal(t.desk.perform(&theirs, ConfirmStaff(puppet)).await), Refusal::BroughtInByCaller);
        assert_eq!(code(t.desk.perform(&t.holder(&[P::UsersRead]), ConfirmStaff(puppet)).await), "forbidden");
        later(&t);
        t.desk.perform(&eve, ConfirmStaff(puppet)).await.unwrap();
        assert_eq!(facts_of(&last_audit(&t).await), ["staff.confirmed"]);
        later(&t);
        t.desk.perform(&eve, ConfirmStaff(puppet)).await.unwrap();
        assert_eq!(last_audit(&t).await.outcome, "unchanged");
        decided(&t, &ada, &puppets, users[1]).await.unwrap();
        assert_eq!(
            refusal(decided(&t, &puppets, &theirs, users[2]).await),
            unconfirmed,
            "this one is not confirmed yet"
        );
        t.desk.perform(&ada, ConfirmStaff(between)).await.unwrap();
        decided(&t, &puppets, &theirs, users[2]).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_colleague_added_with_a_second_persons_approval_is_confirmed_by_it() {
    for t in TestDesk::all().await {
        let (_, ada) = member(&t, "ada").await;
        let (_, eve) = member(&t, "eve").await;
        let told =
            Told { name: Some("New".to_owned()), email: Some("tunde.new@bank.example".to_owned()), ..Told::default() };
        let proposal = Proposal { action: Proposable::AddStaff, about: desk::Subject::Tenant, told };
        let propose = ProposeAction { proposal, reason: "a colleague".to_owned() };
        let request = t.desk.perform(&ada, propose).await.unwrap().request.id;
        later(&t);
        let approve = ApproveRequest { request, comment: None, already_so: AlreadySo::Refuse };
        t.desk.perform(&eve, approve).await.unwrap();
        let all = t.desk.ask(&t.house(), ListStaff).await.unwrap();
        let new = all.iter().find(|it| it.profile.name == "New").unwrap();
        assert!(new.is_confirmed() && new.brought_in_by.len() == 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_another_has_set_opens_nothing_but_its_own_change() {
    for t in TestDesk::all().await {
        let user = user(&t, "ada").await;
        let (_, eve) = member(&t, "eve").await;
        let (id, before) = member(&t, "tunde").await;
        t.desk.perform(&t.house(), RequirePasswordChange(id)).await.unwrap();
        let token = staff_sign_in(&t, "tunde", PASSWORD).await.unwrap();
        let caller = t.desk.caller(token.expose(), origin()).await.unwrap();
        assert_eq!(caller.may, desk::Permissions::NONE);
        let (seen, _) = t.desk.ask(&caller, WhoAmI).await.unwrap();
        assert!(seen.password_change_due);
        assert_eq!(refusal(decided(&t, &eve, &before, user).await), Refusal::PasswordNotOwn);
        // Wrong ones are counted, and the weak are refused.
        let change =
            async |current: &str, new: &str| t.desk.change_staff_password(&caller, secret(current), secret(new)).await;
        assert_eq!(faults(change(PASSWORD, "short").await), [("password".to_owned(), "too_short")]);
        let wrong = [("current_password".to_owned(), "wrong")];
        assert_eq!(faults(change(WRONG, NEW_PASSWORD).await), wrong);
        change(PASSWORD, NEW_PASSWORD).await.unwrap();
        assert!(!is_open(&t, &token).await, "every session ends");
        let again = staff_sign_in(&t, "tunde", NEW_PASSWORD).await.unwrap();
        let caller = t.desk.caller(again.expose(), origin()).await.unwrap();
        assert!(caller.may(P::TeamManage));
        decided(&t, &eve, &caller, user).await.unwrap();
        // Guessing the current one with somebody's session is as limited as at the door.
        for _ in 0..5 {
            let told = t.desk.change_staff_password(&caller, secret(WRONG), secret(PASSWORD)).await;
            assert_eq!(faults(told), wrong);
        }
        let told = t.desk.change_staff_password(&caller, secret(NEW_PASSWORD), secret(PASSWORD)).await;
        assert_eq!(faults(told), wrong);
        // Nobody but the operator says a password for another.
        let hash = t.desk.hash_new_password(secret(PASSWORD), 10, Vec::new()).await.unwrap();
        let (name, email) = ("X".to_owned(), "x@bank.example".to_owned());
        let add = AddStaff { id: None, name, email, password_hash: Some(hash) };
        assert_eq!(faults(t.desk.perform(&eve, add).await), [("password".to_owned(), "not_accepted")]);
    }
}

async fn letters(t: &TestDesk) -> i64 {
    count(t, "SELECT COUNT(*) FROM message").await
}

/// Waits until nothing is written any more: what strangers ask for is done after they were answered.
async fn quiet(t: &TestDesk) {
    let mut before = -1;
    loop {
        tokio::time::sleep(std::time::Duration::from_millis(60)).await;
        let now = t.desk.db().gauges().actions as i64;
        if now == before {
            return;
        }
        before = now;
    }
}

async fn limit(t: &TestDesk, patch: serde_json::Value) {
    let patch = patch.as_object().unwrap().clone();
    t.desk.perform(&t.admin(), ChangeSecuritySettings { patch }).await.unwrap();
    // To the beginning of an hour: messages are counted by the hour.
    t.clock.advance(2 * HOUR - t.desk.now().0 % HOUR);
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_again_within_minutes_leaves_the_earlier_link_alive() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        for _ in 0..60 {
            t.desk.ask_reset(&t.nobody(), "adaeze.ada", Channel::Email).await.unwrap();
        }
        quiet(&t).await;
        assert_eq!(letters(&t).await, 1);
        let first = secret(&letter(&t, ada, "password_reset").await.unwrap().token.unwrap());
        t.clock.advance(4 * MINUTE);
        t.desk.ask_reset(&t.nobody(), "adaeze.ada", Channel::Email).await.unwrap();
        quiet(&t).await;
        t.desk.reset_link(&t.nobody(), &first).await.unwrap();
        t.clock.advance(MINUTE);
        t.desk.ask_reset(&t.nobody(), "adaeze.ada", Channel::Email).await.unwrap();
        quiet(&t).await;
        assert_eq!(letters(&t).await, 2);
        assert_eq!(refusal(t.desk.reset_link(&t.nobody(), &first).await.map(drop)), Refusal::LinkInvalid);
        // Codes that open a lock, and codes of a phone.
        for _ in 0..5 {
            sign_in(&t, "ada", WRONG).await;
        }
        for _ in 0..3 {
            t.desk.ask_unlock(&t.nobody(), "adaeze.ada").await.unwrap();
        }
        quiet(&t).await;
        assert_eq!(letters(&t).await, 3);
        user(&t, "eve").await;
        let caller = herself(&t, "eve").await;
        let desk::Who::User { id: eve, .. } = caller.who else { panic!() };
        for _ in 0..3 {
            t.desk.perform(&caller, SendPhoneCode { user: eve }).await.unwrap();
        }
        assert_eq!(letters(&t).await, 4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_limited_by_user_by_address_and_by_institution() {
    for t in TestDesk::all().await {
        for word in ["ada", "eve", "ife"] {
            user(&t, word).await;
        }
        limit(&t, json!({ "messages_per_user_hour": 3 })).await;
        let ask = async |word: &str, address: &str| {
            t.desk.ask_reset(&from(&t, address), &format!("adaeze.{word}"), Channel::Email).await.unwrap();
            quiet(&t).await;
            let sent = letters(&t).await;
            t.clock.advance(6 * MINUTE);
            sent
        };
        let mut sent = Vec::new();
        for number in 0..5 {
            sent.push(ask("ada", &format!("192.0.2.{number}")).await);
        }
        assert_eq!(sent, [1, 2, 3, 3, 3], "from wherever it is asked");
        // Staff help all the same.
        let ada = t.desk.ask(&t.house(), UserByNumber(1)).await.unwrap().unwrap();
        for expected in [Ok(()), Ok(()), Ok(()), Err(Refusal::TooManyMessages)] {
            let start = StartPasswordReset { user: ada, method: Channel::Email, reason: None };
            match t.desk.perform(&t.admin(), start).await {
                Ok(_) => assert_eq!(expected, Ok(())),
                other => assert_eq!(Err(refusal(other)), expected),
            }
        }
        limit(&t, json!({ "messages_per_user_hour": 20, "messages_per_address_hour": 2 })).await;
        let before = letters(&t).await;
        let mut sent = Vec::new();
        for (word, address) in
            [("ada", "2001:db8::1"), ("eve", "2001:db8::2"), ("ife", "2001:db8::3"), ("ife", "203.0.113.5")]
        {
            sent.push(ask(word, address).await - before);
        }
        assert_eq!(sent, [1, 2, 2, 3]);
        limit(&t, json!({ "messages_per_address_hour": 100, "messages_per_institution_hour": 2 })).await;
        let before = letters(&t).await;
        let mut sent = Vec::new();
        for (word, address) in [("ada", "192.0.2.1"), ("eve", "192.0.2.2"), ("ife", "192.0.2.3")] {
            sent.push(ask(word, address).await - before);
        }
        assert_eq!(sent, [1, 2, 2]);
    }
}
