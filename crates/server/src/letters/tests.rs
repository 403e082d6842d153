//! Every letter in every language, word for word in English and by its marks elsewhere.

use super::*;

const URL: &str = "https://bank.example/";
const TOKEN: &str = "bur_1_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE";
const LINK: &str = "https://bank.example/reset/bur_1_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE";
const TEMPLATES: [&str; 13] = [
    "password_reset",
    "staff_invitation",
    "sign_in_code",
    "unlock_code",
    "phone_code",
    "account_code",
    "administrator_code",
    "customer_code",
    "password_changed",
    "email_changed",
    "phone_changed",
    "registration_link",
    "registration_taken",
];
const LOCALES: [&str; 3] = ["en-US", "es-MX", "fr-FR"];

fn letter(locale: &str) -> Letter {
    Letter {
        to: "adaeze@mail.example".to_owned(),
        name: "Adaeze Okafor".to_owned(),
        locale: Some(locale.to_owned()),
        token: Some(TOKEN.to_owned()),
        code: Some("042917".to_owned()),
        minutes: Some(60),
        text: None,
        reference: None,
    }
}

fn rendered(template: &str, locale: &str) -> Rendered {
    render(template, &letter(locale), "Harbor & Pine Bank", URL).unwrap()
}

fn all() -> impl Iterator<Item = (&'static str, &'static str, Rendered)> {
    let pairs = TEMPLATES.into_iter().flat_map(|template| LOCALES.into_iter().map(move |locale| (template, locale)));
    pairs.map(|(template, locale)| (template, locale, rendered(template, locale)))
}

#[test]
fn a_reset_letter_reads_well() {
    let text = rendered("password_reset", "en-US").text;
    assert_eq!(
        text,
        format!(
            "Hello Adaeze Okafor,

You can choose a new password for your access to Harbor & Pine Bank. Open this link to do so:

{LINK}

The link works once, for 1 hour. A newer message replaces it.

If you did not expect this message, you need not do anything: your password stays as it is. Nobody from Harbor & Pine Bank will ever ask you for this link.

-- 
Harbor & Pine Bank
This message was sent automatically; replies are not read."
        )
    );
}

#[test]
fn a_code_letter_reads_well() {
    let text = rendered("sign_in_code", "en-US").text;
    assert_eq!(
        text,
        "Hello Adaeze Okafor,

Enter this code to finish signing in to Harbor & Pine Bank:

    042917

The code works once, for 1 hour. Give it to nobody: nobody from Harbor & Pine Bank will ever ask you for it.

If you are not signing in just now, somebody knows your password. Please change it, and tell Harbor & Pine Bank.

-- 
Harbor & Pine Bank
This message was sent automatically; replies are not read."
    );
}

#[test]
fn a_letter_about_a_changed_password_reads_well() {
    let text = rendered("password_changed", "en-US").text;
    assert_eq!(
        text,
        "Hello Adaeze Okafor,

The password for your access to Harbor & Pine Bank was changed just now, and you were signed out everywhere.

If that was you, there is nothing more to do. If it was not, tell Harbor & Pine Bank at once, by a number or address that you know already.

-- 
Harbor & Pine Bank
This message was sent automatically; replies are not read."
    );
}

#[test]
fn every_letter_has_its_subject_in_every_language() {
    let subjects: Vec<String> = all().map(|(_, _, letter)| letter.subject).collect();
    assert_eq!(
        subjects,
        [
            "Harbor & Pine Bank: choose a new password",
            "Harbor & Pine Bank: elija una contraseña nueva",
            "Harbor & Pine Bank : choisissez un nouveau mot de passe",
            "Harbor & Pine Bank: choose your password",
            "Harbor & Pine Bank: elija su contraseña",
            "Harbor & Pine Bank : choisissez votre mot de passe",
            "Harbor & Pine Bank: your sign-in code",
            "Harbor & Pine Bank: su código de acceso",
            "Harbor & Pine Bank : votre code de connexion",
            "Harbor & Pine Bank: open your access again",
            "Harbor & Pine Bank: abra de nuevo su acceso",
            "Harbor & Pine Bank : rouvrez votre accès",
            "Harbor & Pine Bank: confirm your phone",
            "Harbor & Pine Bank: confirme su teléfono",
            "Harbor & Pine Bank : confirmez votre téléphone",
            "Harbor & Pine Bank: your code",
            "Harbor & Pine Bank: su código",
            "Harbor & Pine Bank : votre code",
            "Harbor & Pine Bank: your code",
            "Harbor & Pine Bank: su código",
            "Harbor & Pine Bank : votre code",
            "Harbor & Pine Bank: your code",
            "Harbor & Pine Bank: su código",
            "Harbor & Pine Bank : votre code",
            "Harbor & Pine Bank: your password was changed",
            "Harbor & Pine Bank: su contraseña ha cambiado",
            "Harbor & Pine Bank : votre mot de passe a été modifié",
            "Harbor & Pine Bank: your e-mail address was changed",
            "Harbor & Pine Bank: su dirección de correo ha cambiado",
            "Harbor & Pine Bank : votre adresse e-mail a été modifiée",
            "Harbor & Pine Bank: your phone number was changed",
            "Harbor & Pine Bank: su número de teléfono ha cambiado",
            "Harbor & Pine Bank : votre numéro de téléphone a été modifié",
            "Harbor & Pine Bank: confirm your registration",
            "Harbor & Pine Bank: confirme su registro",
            "Harbor & Pine Bank : confirmez votre inscription",
            "Harbor & Pine Bank: you have an account already",
            "Harbor & Pine Bank: usted ya tiene una cuenta",
            "Harbor & Pine Bank : vous avez déjà un compte",
        ]
    );
}

#[test]
fn every_text_message_is_one_message_in_every_language() {
    let messages: Vec<String> = all().map(|(_, _, letter)| letter.sms).collect();
    let link = [
        format!("Harbor & Pine Bank: choose a new password within 1 hour: {LINK} Not you? Ignore this."),
        format!("Harbor & Pine Bank: contraseña nueva (1 hora): {LINK} Si no fue usted, ignorelo."),
        format!("Harbor & Pine Bank: nouveau mot de passe (1 heure) : {LINK} Pas vous ? Ignorez ce SMS."),
    ];
    let code = [
        "Harbor & Pine Bank: 042917 is your sign-in code, good for 1 hour. Give it to nobody.".to_owned(),
        "Harbor & Pine Bank: 042917 es su codigo de acceso, valido durante 1 hora. No lo comparta.".to_owned(),
        "Harbor & Pine Bank: 042917 est votre code de connexion, valable 1 heure. Ne le donnez à personne.".to_owned(),
    ];
    let phone = [
        "Harbor & Pine Bank: 042917 is the code that confirms your phone, good for 1 hour. Give it to nobody."
            .to_owned(),
        "Harbor & Pine Bank: 042917 confirma su teléfono, valido durante 1 hora. No lo comparta.".to_owned(),
        "Harbor & Pine Bank: 042917 confirme votre téléphone, valable 1 heure. Ne le donnez à personne.".to_owned(),
    ];
    let account = [
        "Harbor & Pine Bank: 042917 agrees to a change on an account, good for 1 hour. You know of none? Give it to nobody."
            .to_owned(),
        "Harbor & Pine Bank: 042917 autoriza un cambio en una cuenta, valido durante 1 hora. ¿No lo esperaba? No lo comparta."
            .to_owned(),
        "Harbor & Pine Bank: 042917 autorise un changement de compte, valable 1 heure. Inattendu ? Ne le donnez à personne."
            .to_owned(),
    ];
    let customer = [
        "Harbor & Pine Bank: 042917 agrees to a change of your details or access, good for 1 hour. You know of none? Give it to nobody."
            .to_owned(),
        "Harbor & Pine Bank: 042917 autoriza un cambio en sus datos o su acceso, valido durante 1 hora. ¿No lo esperaba? No lo comparta."
            .to_owned(),
        "Harbor & Pine Bank: 042917 autorise un changement de vos données ou accès, valable 1 heure. Inattendu ? Ne le donnez à personne."
            .to_owned(),
    ];
    let changed = [
        "Harbor & Pine Bank: your password was changed. If that was not you, tell us at once.".to_owned(),
        "Harbor & Pine Bank: su contraseña ha cambiado. Si no fue usted, avisenos de inmediato.".to_owned(),
        "Harbor & Pine Bank: votre mot de passe a été modifié. Si ce n'était pas vous, prévenez-nous immédiatement."
            .to_owned(),
    ];
    let contact_changed = [
        "Harbor & Pine Bank: your contact details were changed. If that was not you, tell us at once.".to_owned(),
        "Harbor & Pine Bank: sus datos de contacto han cambiado. Si no fue usted, avisenos de inmediato.".to_owned(),
        "Harbor & Pine Bank: vos coordonnées ont été modifiées. Si ce n'était pas vous, prévenez-nous immédiatement."
            .to_owned(),
    ];
    let confirm = LINK.replace("/reset/", "/confirm/");
    let registration = [
        format!("Harbor & Pine Bank: confirm your registration within 1 hour: {confirm}"),
        format!("Harbor & Pine Bank: confirme su registro (1 hora): {confirm}"),
        format!("Harbor & Pine Bank: confirmez votre inscription (1 heure) : {confirm}"),
    ];
    let taken = [
        "Harbor & Pine Bank: you have an account already. Nothing has changed.".to_owned(),
        "Harbor & Pine Bank: usted ya tiene una cuenta. Nada ha cambiado.".to_owned(),
        "Harbor & Pine Bank: vous avez déjà un compte. Rien n'a changé.".to_owned(),
    ];
    // An invitation is a link to choose a password, and an unlock code is typed where one signs in.
    assert_eq!(
        messages,
        [
            link.clone(),
            link,
            code.clone(),
            code,
            phone,
            account.clone(),
            account,
            customer,
            changed,
            contact_changed.clone(),
            contact_changed,
            registration,
            taken
        ]
        .concat()
    );
    for message in messages {
        assert!(gsm::septets(&message) <= gsm::SEPTETS_MAX, "{message}");
        assert_eq!(gsm::plain(&message), message);
    }
}

#[test]
fn every_letter_says_in_both_parts_what_it_is_for() {
    let greetings =
        [("en-US", "Hello Adaeze Okafor,"), ("es-MX", "Hola, Adaeze Okafor:"), ("fr-FR", "Bonjour Adaeze Okafor,")];
    let times = [("en-US", "1 hour"), ("es-MX", "1 hora"), ("fr-FR", "1 heure")];
    let word = |table: [(&str, &'static str); 3], locale: &str| table.into_iter().find(|it| it.0 == locale).unwrap().1;
    for (template, locale, letter) in all() {
        let lang = &locale[..2];
        assert!(letter.html.contains(&format!("<html lang=\"{lang}\">")), "{}", letter.html);
        for part in [&letter.text, &letter.html] {
            assert!(part.contains(word(greetings, locale)), "{part}");
            match template {
                "password_reset" | "staff_invitation" => {
                    assert!(part.contains(LINK) && part.contains(word(times, locale)), "{part}")
                }
                "registration_link" => {
                    let confirm = LINK.replace("/reset/", "/confirm/");
                    assert!(part.contains(&confirm) && part.contains(word(times, locale)), "{part}")
                }
                "sign_in_code" | "unlock_code" | "phone_code" | "account_code" | "administrator_code"
                | "customer_code" => {
                    assert!(part.contains("042917") && part.contains(word(times, locale)), "{part}")
                }
                _ => assert!(!part.contains("042917") && !part.contains("/reset/"), "{part}"),
            }
            assert!(!part.contains(['{', '}']) || part.contains("<html"), "a gap was left: {part}");
            assert!(!part.contains("adaeze@mail.example"), "{part}");
        }
        assert!(letter.html.contains("<h1") && letter.html.contains("Harbor &#38; Pine Bank"), "{}", letter.html);
        for foreign in ["<img", "<script", "<table", "<link", "url(", "@import"] {
            assert!(!letter.html.contains(foreign), "{foreign}");
        }
        assert!(!letter.subject.contains("Adaeze") && !letter.subject.contains("042917"), "{}", letter.subject);
    }
}

#[test]
fn names_are_text_and_never_markup() {
    let named = Letter { name: "<b>O'Neil</b> {code}".to_owned(), ..letter("en-US") };
    for template in TEMPLATES {
        let letter = render(template, &named, "<i>Bank</i> & {name}", URL).unwrap();
        assert!(letter.html.contains("Hello &#60;b&#62;O&#39;Neil&#60;/b&#62; {code},"), "{}", letter.html);
        assert!(letter.html.contains("&#60;i&#62;Bank&#60;/i&#62; &#38; {name}"), "{}", letter.html);
        assert!(!letter.html.contains("<b>") && !letter.html.contains("<i>"), "{}", letter.html);
        assert!(letter.text.contains("Hello <b>O'Neil</b> {code},"), "{}", letter.text);
    }
}

#[test]
fn no_name_begins_a_new_line() {
    let named = Letter { name: "Ada\r\n\r\nhttps://evil.example\u{2028}x".to_owned(), ..letter("fr") };
    for template in TEMPLATES {
        let letter = render(template, &named, "Bank\r\nBcc: all@evil.example\u{85}\0", URL).unwrap();
        assert!(!letter.subject.contains(char::is_control), "{:?}", letter.subject);
        assert!(letter.subject.starts_with("Bank Bcc: all@evil.example :"), "{:?}", letter.subject);
        assert!(letter.text.starts_with("Bonjour Ada https://evil.example x,\n"), "{:?}", letter.text);
        assert!(!letter.sms.contains(char::is_control), "{:?}", letter.sms);
    }
}

#[test]
fn a_name_turns_no_text_around_it() {
    let name = |text: &str| Letter { name: text.to_owned(), ..letter("en") };
    let greeting = |text: &str| render("password_changed", &name(text), "Bank", URL).unwrap().text;
    assert!(greeting("\u{5d3}\u{5e0}\u{5d4}").starts_with("Hello \u{2068}\u{5d3}\u{5e0}\u{5d4}\u{2069},"));
    assert!(greeting("Ada\u{202e}moc.live").starts_with("Hello Adamoc.live,"));
}

#[test]
fn other_languages_and_nameless_people_are_written_to_in_english() {
    let nobody = Letter { name: String::new(), locale: Some("de-DE".to_owned()), ..letter("") };
    let letter = render("password_changed", &nobody, "Bank", URL).unwrap();
    assert!(letter.text.starts_with("Hello,\n\nThe password"), "{}", letter.text);
}

#[test]
fn times_are_said_in_the_largest_unit_that_fits() {
    let table = [
        (Language::English, 1, "1 minute"),
        (Language::English, 5, "5 minutes"),
        (Language::English, 90, "90 minutes"),
        (Language::Spanish, 120, "2 horas"),
        (Language::French, 10_080, "7 jours"),
        (Language::Spanish, 1_440, "1 día"),
        (Language::English, 0, "0 minutes"),
    ];
    for (language, minutes, expected) in table {
        assert_eq!(amount_of_time(language, minutes), expected);
    }
}

#[test]
fn a_letter_that_lacks_its_core_is_our_fault() {
    let empty = Letter { token: None, code: None, ..letter("en") };
    for template in
        ["password_reset", "staff_invitation", "sign_in_code", "unlock_code", "phone_code", "no_such_letter"]
    {
        assert!(matches!(render(template, &empty, "Bank", URL), Err(Error::Internal(_))), "{template}");
    }
}
