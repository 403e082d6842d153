//! What messages say: from a sealed letter to subject, text, HTML and text message, in the user's language. `words` holds
//! the sentences, `gsm` fits a text message into one; the queue is the desk's, the sending is the worker's.

use api::pages::{Language, said};
use askama::Template;
use desk::message::Letter;
use desk::{Error, Result};

mod gsm;
#[cfg(test)]
mod tests;
mod words;

use words::{Words, amount_of_time};

/// A message, ready to be handed over by either way. Holds links and codes, so it does not print itself.
pub struct Rendered {
    /// One line, without personal data: subjects stand in logs and on locked screens.
    pub subject: String,
    /// The plain text part.
    pub text: String,
    /// The HTML part: no images, nothing from elsewhere.
    pub html: String,
    /// The text message: one of 160 characters, unless the link alone is longer.
    pub sms: String,
}

/// Writes a letter from the desk's template name. `public_url` is where users reach us, e.g. `https://bank.example`.
pub fn render(template: &str, letter: &Letter, institution: &str, public_url: &str) -> Result<Rendered> {
    let language = letter.locale.as_deref().and_then(Language::of_locale).unwrap_or_default();
    let words = Words::of(language);
    let institution = one_line(institution);
    match template {
        "password_reset" | "staff_invitation" | "registration_link" => {
            let (sentences, label, page, short) = match template {
                "password_reset" => (&words.reset, words.reset_label, "reset", words.reset_sms),
                "staff_invitation" => (&words.invitation, words.reset_label, "reset", words.reset_sms),
                _ => (&words.registration, words.registration_label, "confirm", words.registration_sms),
            };
            let token = letter.token.as_deref().ok_or_else(|| missing("token"))?;
            let minutes = letter.minutes.ok_or_else(|| missing("minutes"))?;
            let address = format!("{}/{page}/{token}", public_url.trim_end_matches('/'));
            let link = Link { label, copy: words.copy, address };
            let gaps = [("institution", institution.as_str()), ("time", &amount_of_time(language, minutes))];
            let sms = gsm::fitted(&institution, short, &gaps[1..], &link.address);
            let parts = Parts { institution: &institution, sentences, link: Some(link), code: None, quote: Vec::new() };
            write(language, letter, &gaps, parts, sms)
        }
        "sign_in_code" | "unlock_code" | "phone_code" | "account_code" | "administrator_code" | "customer_code" => {
            let (sentences, short) = match template {
                "unlock_code" => (&words.unlock, words.code_sms),
                "phone_code" => (&words.phone, words.phone_sms),
                "account_code" | "administrator_code" => (&words.account, words.account_sms),
                "customer_code" => (&words.customer, words.customer_sms),
                _ => (&words.code, words.code_sms),
            };
            let code = letter.code.as_deref().ok_or_else(|| missing("code"))?;
            let minutes = letter.minutes.ok_or_else(|| missing("minutes"))?;
            let gaps =
                [("institution", institution.as_str()), ("time", &amount_of_time(language, minutes)), ("code", code)];
            let sms = gsm::fitted(&institution, short, &gaps[1..], code);
            write(
                language,
                letter,
                &gaps,
                Parts { institution: &institution, sentences, link: None, code: Some(code), quote: Vec::new() },
                sms,
            )
        }
        "registration_taken" => {
            let gaps = [("institution", institution.as_str())];
            let sms = gsm::fitted(&institution, words.taken_sms, &[], "");
            let sentences = &words.taken;
            let parts = Parts { institution: &institution, sentences, link: None, code: None, quote: Vec::new() };
            write(language, letter, &gaps, parts, sms)
        }
        "password_changed" | "email_changed" | "phone_changed" => {
            let (sentences, short) = match template {
                "password_changed" => (&words.changed, words.changed_sms),
                "email_changed" => (&words.email_changed, words.contact_changed_sms),
                _ => (&words.phone_changed, words.contact_changed_sms),
            };
            let gaps = [("institution", institution.as_str())];
            let sms = gsm::fitted(&institution, short, &[], "");
            let parts = Parts { institution: &institution, sentences, link: None, code: None, quote: Vec::new() };
            write(language, letter, &gaps, parts, sms)
        }
        "verification_approved" | "verification_declined" | "verification_more_needed" => {
            let (sentences, sms) = match template {
                "verification_approved" => (&words.verified, words.verified_sms),
                "verification_declined" => (&words.declined, words.declined_sms),
                _ => (&words.more_needed, words.more_needed_sms),
            };
            let gaps = [("institution", institution.as_str())];
            let sms = gsm::fitted(&institution, sms, &[], "");
            let parts = Parts { institution: &institution, sentences, link: None, code: None, quote: quote(letter) };
            write(language, letter, &gaps, parts, sms)
        }
        unknown => Err(Error::internal(format!("there is no letter named {unknown:?}"))),
    }
}

/// What differs between letters.
struct Parts<'a> {
    institution: &'a str,
    sentences: &'a words::Sentences,
    link: Option<Link>,
    code: Option<&'a str>,
    /// What staff tell the user, line by line.
    quote: Vec<String>,
}

/// What staff wrote, as lines without anything that would begin something new.
fn quote(letter: &Letter) -> Vec<String> {
    let text = letter.text.as_deref().unwrap_or_default();
    text.lines().map(one_line).filter(|line| !line.is_empty()).collect()
}

fn write(
    language: Language,
    letter: &Letter,
    gaps: &[(&str, &str)],
    parts: Parts<'_>,
    sms: String,
) -> Result<Rendered> {
    let institution = parts.institution;
    let words = Words::of(language);
    let sentences = parts.sentences;
    let name = isolated(one_line(&letter.name));
    let greeting = if name.is_empty() { words.hello.to_owned() } else { said(words.hello_name, &[("name", &name)]) };
    let all = |texts: &[&str]| texts.iter().map(|text| said(text, gaps)).collect::<Vec<_>>();
    let (mut before, after) = (all(sentences.before), all(sentences.after));
    before.extend(parts.quote.iter().cloned());
    let subject = said(sentences.subject, gaps);
    let text = LetterText {
        greeting: &greeting,
        before: &before,
        code: parts.code,
        link: parts.link.as_ref(),
        after: &after,
        institution,
        no_reply: words.no_reply,
    };
    let html = LetterHtml {
        lang: language.word(),
        subject: &subject,
        heading: sentences.heading,
        greeting: &greeting,
        before: &before,
        code: parts.code,
        link: parts.link.as_ref(),
        after: &after,
        institution,
        no_reply: words.no_reply,
    };
    let text = text.render().map_err(Error::internal)?;
    let html = html.render().map_err(Error::internal)?;
    Ok(Rendered { subject, text, html, sms })
}

struct Link {
    label: &'static str,
    copy: &'static str,
    address: String,
}

#[derive(Template)]
#[template(path = "letters/letter.txt")]
struct LetterText<'a> {
    greeting: &'a str,
    before: &'a [String],
    code: Option<&'a str>,
    link: Option<&'a Link>,
    after: &'a [String],
    institution: &'a str,
    no_reply: &'a str,
}

#[derive(Template)]
#[template(path = "letters/letter.html")]
struct LetterHtml<'a> {
    lang: &'a str,
    subject: &'a str,
    heading: &'a str,
    greeting: &'a str,
    before: &'a [String],
    code: Option<&'a str>,
    link: Option<&'a Link>,
    after: &'a [String],
    institution: &'a str,
    no_reply: &'a str,
}

fn missing(what: &str) -> Error {
    Error::internal(format!("the letter has no {what}"))
}

/// A name that turns no text around it: what is written from right to left is set apart (Unicode's isolates), and what would
/// override a direction is left out, although no new name has it.
fn isolated(name: String) -> String {
    let plain: String =
        name.chars().filter(|c| !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')).collect();
    let is_right_to_left = |c: char| {
        matches!(c, '\u{590}'..='\u{8ff}' | '\u{200f}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefe}'
            | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
    };
    if plain.contains(is_right_to_left) { format!("\u{2068}{plain}\u{2069}") } else { plain }
}

/// Without line breaks and other controls, which would begin a new header in a subject or a new paragraph in a text.
fn one_line(text: &str) -> String {
    let is_break = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    text.split(|c: char| is_break(c) || c == ' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}
